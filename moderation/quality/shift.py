"""Shares as expectations: the limits of the config, the bands of earlier runs, and who let a shift pass and why."""

from __future__ import annotations

import getpass
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from moderation.quality.shares import LIMITS, Measured, percent
from moderation.quality.suites import Rule


@dataclass(frozen=True)
class Acceptance:
    """Who publishes in spite of a shift, by the name of the account, and why."""

    by: str
    reason: str


def acceptance(reason: str | None) -> Acceptance | None:
    """The acceptance of the account that this runs under; None without a reason."""
    if reason is None:
        return None
    try:
        return Acceptance(getpass.getuser(), reason)
    except (OSError, KeyError):  # a container's user without a name
        return Acceptance(f"uid {os.getuid()}", reason)


def limit_parameters(measured: Mapping[str, Measured]) -> dict[str, float]:
    """What the suites' parameters `max_quarantined`, `max_skipped` and `max_failed` stand for in a run of this size."""
    found = {key: measured[name].limit for name, key in LIMITS.items() if name in measured}
    return {key: limit for key, limit in found.items() if limit is not None}


def shift_rules(measured: Mapping[str, Measured]) -> list[Rule]:
    """One expectation for each share that has a band."""
    return [shift_rule(name, one) for name, one in measured.items() if one.band is not None]


def shift_rule(name: str, one: Measured) -> Rule:
    """The share lies within its band."""
    assert one.band is not None
    limits = f"between {percent(one.band.low)} and {percent(one.band.high)}"
    return {
        "type": "expect_column_values_to_be_between",
        "kwargs": {"column": name, "min_value": one.band.low, "max_value": one.band.high},
        "description": f"The share of {name} lies {limits}, as {one.band.runs} earlier runs lead to expect "
        f"({percent(one.band.mean)} on average)",
    }


def found(measured: Mapping[str, Measured], against: Literal["limit", "band"]) -> dict[str, str]:
    """Name → the share in words, with the limit where it is a limit that it is held against."""
    if against == "band":
        return {name: one.found for name, one in measured.items()}
    return {
        name: f"{one.found}, above {percent(one.limit)}, the limit for a run of {one.share.rows:,} rows"
        for name, one in measured.items()
        if one.limit is not None
    }


def described(measured: Mapping[str, Measured]) -> dict[str, dict[str, Any]]:
    """The shares as the manifest keeps them."""
    return {
        name: {
            "share": one.share.value,
            "count": one.share.count,
            "rows": one.share.rows,
            "limit": one.limit,
            "runs": one.known_runs,
            "low": one.band.low if one.band else None,
            "high": one.band.high if one.band else None,
        }
        for name, one in measured.items()
    }
