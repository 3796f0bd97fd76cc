"""The expectation suites of `schemas/expectations/`, sorted by the table that each expectation looks at."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moderation.errors import UsageError

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite

Rule = dict[str, Any]
NAMES = ("comments", "labelled", "quarantine")
TABLES = ("columns", "shares", "rows")  # what meta.table may say; rows where it says nothing


def read_suites(folder: Path) -> dict[str, dict[str, list[Rule]]]:
    """Suite → table → its expectations, for the three suites of a folder. Raises `UsageError` that names the file."""
    return {name: read_suite(folder / f"{name}.json") for name in NAMES}


def read_suite(path: Path) -> dict[str, list[Rule]]:
    """Table → its expectations. Great Expectations is asked whether it knows each of them."""
    try:
        rules = json.loads(path.read_text(encoding="utf-8"))["expectations"]
        tables = {table: [rule for rule in rules if table_of(rule) == table] for table in TABLES}
        if strange := {table_of(rule) for rule in rules} - set(TABLES):
            raise ValueError(f"meta.table is one of {', '.join(TABLES)}, not {', '.join(map(str, strange))}")
        if not tables["rows"]:
            raise ValueError("it expects nothing of the rows")
        build(path.stem, rules)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise UsageError(f"the expectation suite {path} cannot be used: {error!r}") from error
    return tables


def table_of(rule: Rule) -> str:
    """The table that an expectation looks at."""
    return str((rule.get("meta") or {}).get("table", "rows"))


def build(name: str, rules: Sequence[Rule]) -> ExpectationSuite:
    """The suite as Great Expectations has it; raises `ValueError` where it would leave an expectation out."""
    import great_expectations as gx

    suite = gx.ExpectationSuite(name=name, expectations=list(rules))
    # GX logs an expectation that it does not know, and goes on without it.
    if unknown := {rule["type"] for rule in rules} - {rule.configuration.type for rule in suite.expectations}:
        raise ValueError(f"unknown expectations {sorted(unknown)}")
    return suite
