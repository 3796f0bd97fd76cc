"""Thresholds: from which score a label is given, by a criterion."""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np

from moderation.errors import UsageError
from moderation.evaluation.counts import Counts, Cuts

FEWEST = 20  # rows below which a share says next to nothing: positives, negatives, or flagged ones
NAMES = ("f1", "macro_f1", "balanced")


class Unreachable(ValueError):
    """No threshold meets the criterion on these rows."""


@dataclass(frozen=True)
class Criterion:
    """`f1`, `macro_f1` or `balanced` (mean recall of both classes): the highest; `precision`: the most recall at that
    precision or above; `cost`: the least cost where a miss costs `value` times a false alarm."""

    name: str
    value: float = math.nan

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads `f1`, `macro-f1`, `balanced`, `precision=0.9` or `cost=FN:FP`; raises `UsageError`."""
        name, _, given = text.strip().replace("-", "_").partition("=")
        try:
            if name == "precision" and 0 < float(given) <= 1:
                return cls(name, float(given))
            if name == "cost":
                miss, alarm = map(float, given.split(":"))
                if 0 < miss < math.inf and 0 < alarm < math.inf:
                    return cls(name, miss / alarm)
        except ValueError:
            pass
        if name in NAMES and not given:
            return cls(name)
        raise UsageError(
            f"threshold '{text}' is none of f1, macro-f1, balanced, precision=P with P above 0 and at most 1, or "
            "cost=MISS:ALARM, which is what a miss and a false alarm cost"
        )

    def __str__(self) -> str:
        if math.isnan(self.value):
            return self.name
        return f"{self.name}={self.value:g}" + (":1" if self.name == "cost" else "")


def choose(counts: Counts, criterion: Criterion, base_rate: float | None = None) -> float:
    """The threshold that is best by a criterion on these rows, weighted to `base_rate` where one is given.

    Raises `Unreachable` where no threshold that flags `FEWEST` rows has the precision. A cost ratio needs no search:
    calibrated scores are cheapest flagged from 1 / (1 + ratio) on (Elkan, "The Foundations of Cost-Sensitive
    Learning", 2001).
    """
    if criterion.name == "cost":
        return float(f"{1 / (1 + criterion.value):.4g}")
    cuts = Cuts.each(counts.at_base_rate(base_rate))
    if criterion.name != "precision":
        return between(counts.scores, int(getattr(cuts, criterion.name).argmax()))
    plain = Cuts.each(counts)
    enough = plain.right + plain.wrong >= FEWEST
    met = np.flatnonzero(enough & (cuts.precision >= criterion.value))
    if not len(met):
        highest = cuts.precision[enough].max(initial=0)
        raise Unreachable(f"no threshold that flags {FEWEST} rows or more has a precision above {highest:.3f}")
    return between(counts.scores, int(met[0]))


def between(scores: np.ndarray, place: int) -> float:
    """The number of fewest digits, four at least, above the next lower score and not above the score at this place."""
    high = float(scores[place])
    low = float(scores[place - 1]) if place else high
    rounded = (float(f"{(low + high) / 2:.{digits}g}") for digits in range(4, 18))
    return next((number for number in rounded if low < number <= high), high)
