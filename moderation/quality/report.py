"""Turns Great Expectations' results into sentences and counts, without any value of the data."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from great_expectations.core import ExpectationValidationResult

RAISED = re.compile(r"^(?:\w+\.)*(\w*(?:Error|Exception))\b", re.MULTILINE)  # a traceback's line that names the class
LONGEST_MESSAGE = 200


@dataclass(frozen=True)
class Outcome:
    """The gate's answer. `failures` are sentences with counts; no value of the users' data is in any field."""

    success: bool
    checks: int
    failures: tuple[str, ...]
    statistics: dict[str, Any]
    docs: Path

    @property
    def refusal(self) -> str:
        """The reasons as a short list, and where to read more."""
        reasons = "\n".join(f"  - {reason}" for reason in self.failures)
        return (
            f"refused to publish: {len(self.failures)} of {self.checks} checks failed\n{reasons}\n  report: {self.docs}"
        )


@dataclass(frozen=True)
class Check:
    """One expectation and what came of it. `sentence` says what is wrong, and is empty where nothing is."""

    table: str
    expectation: str
    column: str | None
    success: bool
    unexpected_count: int | None
    sentence: str


def read_check(result: ExpectationValidationResult, table: str, types: Mapping[str, str]) -> Check:
    """Reads one result. `types` holds what was found in the place of each column, for checks on the columns."""
    config = result.expectation_config
    assert config is not None  # optional in its signature only
    column = config.kwargs.get("column")
    rule = config.description or f"{config.type}({column or ''})"
    error = _error(result.exception_info or {})
    success = bool(result.success) and not error
    if error:
        sentence = f"the check '{rule}' could not run: {error}"
    else:
        sentence = "" if success else f"{rule}: {_finding(result.result, config.kwargs, types.get(column or ''))}"
    return Check(table, config.type, column, success, result.result.get("unexpected_count"), sentence)


def outcome(checks: Sequence[Check], docs: Path) -> Outcome:
    """The verdict over all checks; the statistics keep each with its count, in the suite's order."""
    failures = tuple(check.sentence for check in checks if not check.success)
    statistics = {
        "passed": len(checks) - len(failures),
        "failed": len(failures),
        "checks": [asdict(check) for check in checks],
    }
    return Outcome(not failures, len(checks), failures, statistics, docs)


def _finding(result: Mapping[str, Any], kwargs: Mapping[str, Any], found: str | None) -> str:
    """What was found instead: a type, a share of the rows, or a number that the whole table gave."""
    if found is not None:
        return f"it is {found}"
    if (count := result.get("unexpected_count")) is not None:
        column = f" ({kwargs['column']})" if "column" in kwargs else ""
        return f"not so in {count:,} of {result['element_count']:,} rows{column}"
    observed, expected = result.get("observed_value"), kwargs.get("value")
    return f"found {_number(observed)}" + (f" instead of {_number(expected)}" if expected is not None else "")


def _number(value: object) -> str:
    """Numbers only: an observed value of any other type could be taken from the data."""
    return f"{value:,}" if isinstance(value, int | float) else "another value"


def _error(info: Mapping[str, Any]) -> str | None:
    """The exception that kept a check from running: its class and the first line of what it says.

    GX gives one such dictionary, or several by the name of the metric that raised.
    """
    for entry in (info, *info.values()):
        if isinstance(entry, Mapping) and entry.get("raised_exception"):
            classes = RAISED.findall(entry.get("exception_traceback") or "")
            lines = (entry.get("exception_message") or "").strip().splitlines() or [""]
            return f"{classes[-1] if classes else 'an exception'}: {lines[0][:LONGEST_MESSAGE]}".rstrip(": ")
    return None
