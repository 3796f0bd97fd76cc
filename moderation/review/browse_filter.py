"""Which rows of a run are asked for: read from an address, written back into one, turned into SQL with parameters.

The state of the page is its address alone. Nothing from it is ever put into SQL as text: columns are looked up among
those of the index, values are bound.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any
from urllib.parse import urlencode

from moderation.review.browse_columns import PREFIX

LETTERS = 500  # of a value in an address
SEVERAL = ("label", "rule", "entity")  # may be asked for together: a row has them all
FLAGGED = ("yes", "no", "any")
Numbers = Mapping[str, Mapping[str, int]]  # kind → name → number in the index


class BadFilter(ValueError):
    """An address that asks for what cannot be: one line that says what."""


@dataclass(frozen=True)
class Filter:
    """What an address asks for. `score` is as people write it, `label:low-high`; `sort` a label whose highest scores
    come first; `after` the number of the row after which the page begins."""

    label: tuple[str, ...] = ()
    rule: tuple[str, ...] = ()
    entity: tuple[str, ...] = ()
    subreddit: str = ""
    action: str = ""
    from_: str = ""
    to: str = ""
    score: str = ""
    flagged: str = "yes"
    q: str = ""
    sort: str = ""
    after: int | None = None

    def query(self, **changes: Any) -> str:
        """The address of this filter with some changes, from its first page on unless `after` is one of them."""
        changed = replace(self, **{"after": None, **changes})
        pairs: list[tuple[str, str]] = []
        for one in fields(Filter):
            value = getattr(changed, one.name)
            if value != one.default:
                pairs += [
                    (one.name.rstrip("_"), str(part)) for part in (value if isinstance(value, tuple) else (value,))
                ]
        return urlencode(pairs)

    def with_(self, kind: str, name: str) -> str:
        """The address that asks for one more thing, or for another in place of it."""
        before = getattr(self, kind)
        return self.query(**{kind: (*before, name) if isinstance(before, tuple) else name})

    def without(self, kind: str, name: str = "") -> str:
        """The address that does not ask for a thing any more."""
        before = getattr(self, kind)
        return self.query(**{kind: tuple(one for one in before if one != name) if isinstance(before, tuple) else ""})

    def asked(self) -> list[tuple[str, str, str]]:
        """What is asked for beside `flagged`: kind, value, and the address without it."""
        found = []
        for kind in (*SEVERAL, "subreddit", "action", "from_", "to", "score", "q", "sort"):
            value = getattr(self, kind)
            found += [(kind, one, self.without(kind, one)) for one in (value if isinstance(value, tuple) else [value])]
        return [(kind.rstrip("_"), one, address) for kind, one, address in found if one]


def read_filter(pairs: Iterable[tuple[str, str]]) -> Filter:
    """The filter of an address; raises `BadFilter`. Unknown names are passed by, as are empty values."""
    found: dict[str, Any] = {}
    known = {one.name.rstrip("_"): one.name for one in fields(Filter)}
    for name, value in pairs:
        if name not in known or not value.strip():
            continue
        if len(value) > LETTERS:
            raise BadFilter(f"{name}: more than {LETTERS} letters")
        key = known[name]
        found[key] = (*found.get(key, ()), value) if key in SEVERAL else value
    if "after" in found:
        if not found["after"].isdecimal() or len(found["after"]) > 15:
            raise BadFilter("after: is no number of a row")
        found["after"] = int(found["after"])
    if found.get("flagged", "yes") not in FLAGGED:
        raise BadFilter(f"flagged: is none of {', '.join(FLAGGED)}")
    return Filter(**found | {kind: tuple(dict.fromkeys(found.get(kind, ()))) for kind in SEVERAL})


def band(score: str) -> tuple[str, float, float]:
    """Label, lowest and highest score of `label:low-high`; raises `BadFilter`."""
    label, _, limits = score.rpartition(":")
    low, _, high = limits.partition("-")
    try:
        found = float(low or 0), float(high or 1)
    except ValueError:
        found = math.nan, math.nan
    if not label or not 0 <= found[0] <= found[1] <= 1:
        raise BadFilter("score: is written label:low-high with numbers from 0 to 1, such as insult:0.4-0.6")
    return label, *found


def where(wanted: Filter, numbers: Numbers) -> tuple[str, list[Any]]:
    """The condition on the index and its parameters; raises `BadFilter` for labels, rules and types that the run has
    not."""
    parts: list[str] = []
    values: list[Any] = []
    for kind in SEVERAL:
        for name in getattr(wanted, kind):
            parts.append(column(kind, name, numbers))
    for kind in ("subreddit", "action"):
        if name := getattr(wanted, kind):
            parts.append(f"{kind} = ?")
            values.append(numbers[kind].get(name, -1))
    if wanted.from_ or wanted.to:
        days = [number for day, number in numbers["date"].items() if within(day, wanted.from_, wanted.to)]
        parts.append("date BETWEEN ? AND ?")  # dates are numbered in their order
        values += [min(days, default=1), max(days, default=0)]
    if wanted.score:
        label, low, high = band(wanted.score)
        parts.append(f"{column('score', label, numbers)} BETWEEN CAST(? AS FLOAT) AND CAST(? AS FLOAT)")
        values += [low, high]
    if wanted.flagged != "any":
        parts.append("flagged" if wanted.flagged == "yes" else "NOT flagged")
    return " AND ".join(parts) or "true", values


def within(day: str, low: str, high: str) -> bool:
    """Whether a day is in a range that may be open; a row of no known day is in none."""
    return day[:1].isdigit() and (not low or day >= low) and (not high or day <= high)


def column(kind: str, name: str, numbers: Numbers) -> str:
    """The index's column for a name that the run has."""
    number = numbers[kind].get(name)
    if number is None:
        short = name if len(name) <= 40 else f"{name[:39]}…"
        raise BadFilter(f"{kind}: the run has no '{short}'; it has {', '.join(numbers[kind]) or 'none'}")
    return f"{PREFIX[kind]}{int(number)}"
