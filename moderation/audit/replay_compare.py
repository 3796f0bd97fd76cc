"""Two versions of a published row: which fields differ, and by how much."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from moderation.contracts import column_names
from moderation.text.digest import text_digest

MISSING = "(no such field)"
TOLERANCES = {"fp32": 1e-5, "bf16": 0.02, "int8": 0.05}  # of scores, where the last bits may differ


@dataclass(frozen=True)
class Difference:
    """A field whose values differ: as published, and as replayed; `text` where they are words of the comment's."""

    field: str
    published: Any
    replayed: Any
    text: bool = False

    @property
    def computed(self) -> bool:
        """Whether it is a number that a model computed, whose last bits may be others elsewhere."""
        numbers = all(isinstance(value, float) for value in (self.published, self.replayed))
        return numbers and (self.field.startswith("scores.") or self.field.endswith("].score"))

    @property
    def of_models(self) -> bool:
        """Whether it is what models say of the text, whatever the policy makes of it."""
        return self.field.startswith(("scores", "entities", "evidence"))

    @property
    def size(self) -> float:
        """By how much such a number differs."""
        return abs(self.published - self.replayed) if self.computed else math.inf

    def shown(self, with_text: bool) -> dict[str, Any]:
        """The field and both values; words only where they were asked for, else a digest and a length."""
        hide = self.text and not with_text
        values = {"published": self.published, "replayed": self.replayed}
        return {"field": self.field, **{name: hidden(value) if hide else value for name, value in values.items()}}


def hidden(value: Any) -> Any:
    """A value by its digest and length: nothing of it is shown."""
    if value is None or value == MISSING:
        return value
    text = value if isinstance(value, str) else repr(value)
    digest = text_digest(text.encode("utf-8", "replace").decode())[:12]
    return f"{len(text):,} characters, SHA-256 {digest}"


def differences(published: dict[str, Any], replayed: dict[str, Any]) -> list[Difference]:
    """Every field that differs in any bit, in the order of the published columns."""
    names = list(dict.fromkeys([*published, *replayed]))
    ours = column_names("labelled")
    return [
        found
        for name in names
        for found in unlike(name, published.get(name, MISSING), replayed.get(name, MISSING), name not in ours)
    ]


def unlike(field: str, one: Any, other: Any, text: bool) -> Iterator[Difference]:
    """The innermost fields in which two values differ; columns of the input, and entities' texts, are words."""
    if isinstance(one, dict) and isinstance(other, dict):
        for name in dict.fromkeys([*one, *other]):
            words = text or (field.startswith("entities[") and name == "text")
            yield from unlike(f"{field}.{name}", one.get(name, MISSING), other.get(name, MISSING), words)
    elif field == "entities" and isinstance(one, list) and isinstance(other, list):
        if len(one) != len(other):
            yield Difference(field, places(one), places(other))
        for number, (a, b) in enumerate(zip(one, other, strict=False)):
            yield from unlike(f"{field}[{number}]", a, b, text)
    elif not same(one, other):
        yield Difference(field, one, other, text)


def places(entities: list[dict[str, Any]]) -> list[str]:
    """Entities without their texts."""
    return [f"{entity['type']} {entity['start']}-{entity['end']}" for entity in entities]


def same(one: Any, other: Any) -> bool:
    """Equal, and of one type where they are numbers; no number is equal to itself."""
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one):
        return math.isnan(other)
    return bool(one == other)


def within(found: list[Difference], tolerance: float) -> bool:
    """Whether nothing differs but what models computed, and that by no more than the tolerance."""
    return all(difference.size <= tolerance for difference in found)


def tolerance_of(*precisions: str) -> float:
    """How far scores of these precisions may be apart: that of the least exact of them."""
    return max(TOLERANCES[precision] for precision in precisions)
