"""The contracts of `schemas/` as Python values."""

import json
from functools import cache
from typing import Any

from moderation import resources


@cache
def contract(name: str) -> dict[str, Any]:
    """The contract `comments`, `labelled` or `quarantine`."""
    content: dict[str, Any] = json.loads((resources.schemas() / f"{name}.json").read_text(encoding="utf-8"))
    return content


def column_names(name: str) -> list[str]:
    """The contract's columns, in order."""
    return [column["name"] for column in contract(name)["columns"]]
