"""What a body must look like before it is scored."""

import re

LONE_SURROGATES = re.compile("[\ud800-\udfff]")
DELETED = {"[deleted]": "deleted", "[removed]": "removed", "[ Removed by Reddit ]": "removed"}


def without_surrogates(text: str) -> str:
    """Replaces lone surrogates, which UTF-8 cannot hold, by U+FFFD: one code point for one, so offsets stay."""
    return LONE_SURROGATES.sub("\ufffd", text)


def skip_reason(body: str | None) -> str | None:
    """Why a body is not worth a model (`missing`, `empty`, `deleted`, `removed`), or None where it is."""
    if body is None:
        return "missing"
    stripped = body.strip()
    return DELETED.get(stripped) if stripped else "empty"
