"""Turns Great Expectations' results into sentences and counts, without any value of the data."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moderation.quality.shares import Measured
from moderation.quality.shift import Acceptance, described

if TYPE_CHECKING:
    from great_expectations.core import ExpectationValidationResult

RAISED = re.compile(r"^(?:\w+\.)*(\w*(?:Error|Exception))\b", re.MULTILINE)  # a traceback's line that names the class
LONGEST_MESSAGE = 200
SHIFTED = (
    "a share that leaves its band means that the comments, the model or the way here changed: look at the staged rows; "
    'where they are right, publish them with --accept-shift "why"'
)


@dataclass(frozen=True)
class Outcome:
    """The gate's answer. `failures` and `notes` are sentences with counts; no field holds a value of the users' data.

    `shift` are the failures that `accepted`, where it is not None, lets pass: then they are none of `failures`.
    """

    success: bool
    checks: int
    failures: tuple[str, ...]
    statistics: dict[str, Any]
    docs: Path
    notes: tuple[str, ...] = ()
    shift: tuple[str, ...] = ()
    accepted: Acceptance | None = None

    @property
    def refusal(self) -> str:
        """The reasons as a short list, what can be done where a share has shifted, and where to read more."""
        reasons = "\n".join(f"  - {reason}" for reason in self.failures)
        advice = f"\n  {SHIFTED}" if set(self.shift) & set(self.failures) else ""
        return (
            f"refused to publish: {len(self.failures)} of {self.checks} checks failed\n"
            f"{reasons}{advice}\n  report: {self.docs}"
        )


@dataclass(frozen=True)
class Check:
    """One expectation and what came of it. `sentence` says what is wrong, and is empty where nothing is."""

    table: str
    expectation: str
    rule: str
    column: str | None
    success: bool
    unexpected_count: int | None
    sentence: str


def read_check(result: ExpectationValidationResult, table: str, types: Mapping[str, str]) -> Check:
    """Reads one result. `types` says what was found in the place of each column, for checks on single values."""
    config = result.expectation_config
    assert config is not None  # optional in its signature only
    column = config.kwargs.get("column")
    rule = config.description or f"{config.type}({column or ''})"
    error = _error(result.exception_info or {})
    success = bool(result.success) and not error
    if error:
        sentence = f"the check '{rule}' could not run: {error}"
    else:
        finding = _finding(result.result, config.kwargs, types.get(column or ""))
        sentence = "" if success else "; ".join([f"{rule}: {finding}", *advice(config.meta)])
    return Check(table, config.type, rule, column, success, result.result.get("unexpected_count"), sentence)


def advice(meta: Mapping[str, Any] | None) -> list[str]:
    """What a suite says can be done where an expectation is not met."""
    said = (meta or {}).get("advice")
    return [str(said)] if said else []


def outcome(
    checks: Sequence[Check],
    docs: Path,
    notes: tuple[str, ...] = (),
    measured: Mapping[str, Measured] | None = None,
    accepted: Acceptance | None = None,
) -> Outcome:
    """The verdict over all checks; the statistics keep each with its count, in the suites' order, and all shares."""
    failed = [check for check in checks if not check.success]
    shift = tuple(check.sentence for check in failed if check.table == "shift")
    used = accepted if shift else None
    failures = tuple(check.sentence for check in failed if not (used and check.table == "shift"))
    statistics = {
        "passed": len(checks) - len(failed),
        "failed": len(failed),
        "checks": [asdict(check) for check in checks],
        "shares": described(measured or {}),
    }
    return Outcome(not failures, len(checks), failures, statistics, docs, notes, shift, used)


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
