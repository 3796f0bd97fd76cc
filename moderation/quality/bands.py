"""Bands: how far a share of a run's rows may lie from the shares of earlier runs before that is news.

A share differs from run to run for two reasons: chance, as a run has only so many rows, and because days differ. Both
are counted on Anscombe's angle of the share, on which chance has the same variance whatever the share is, 1 / (4n + 2)
(F. J. Anscombe, Biometrika 35, 1948). How much the days differ beyond chance is DerSimonian and Laird's moment estimate
(Controlled Clinical Trials 7, 1986); a handful of runs tells little of that, so it is averaged with a usual spread as
if `USUAL_RUNS` more runs had shown it (the moderated variance of G. K. Smyth, 2004). The band is the prediction
interval for one more run (Higgins, Thompson and Spiegelhalter, JRSS A 172, 2009), with Student's t at the degrees of
freedom that Welch and Satterthwaite give for the sum of both. What a reader would not call a shift stays inside the
band however large the run: `tolerance` (of the odds) and `LEAST_DIFFERENCE`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import asin, exp, inf, pi, sin, sqrt
from statistics import NormalDist

USUAL_SPREAD = 0.1  # of the odds from run to run, as a standard deviation: what is supposed before runs have shown it
USUAL_RUNS = 4  # that supposition weighs as much as this many runs
LEAST_DIFFERENCE = 0.0005  # five rows in ten thousand are no shift, however small the share was
CERTAIN = 0.001  # an absolute limit is broken where chance would do it in one of a thousand runs that keep to it


@dataclass(frozen=True)
class Share:
    """So many of so many rows."""

    count: int
    rows: int

    @property
    def value(self) -> float | None:
        """The share as a number in [0, 1]; None of no rows."""
        return self.count / self.rows if self.rows else None


@dataclass(frozen=True)
class Band:
    """Where the share of a run may lie, limits included; `mean` is what the earlier runs gave on average."""

    low: float
    high: float
    mean: float
    runs: int


def band(history: Sequence[Share], rows: int, chance: float, tolerance: float) -> Band:
    """The band for a run of `rows` rows after the shares of earlier runs (at least one, none of them empty).

    A run that is like the others leaves it with a probability of about `chance`. Odds that are up or down by no more
    than `tolerance` (0.5: up to 1.5 times, or down to 1 / 1.5) are inside in any case.
    """
    angles = [angle(share) for share in history]
    noises = [noise(share.rows) for share in history]
    middle = weighted_mean(angles, noises)
    usual = (USUAL_SPREAD * sin(2 * middle) / 4) ** 2  # a relative change of the odds as one of the angle
    degrees = USUAL_RUNS + len(history) - 1
    spread = (USUAL_RUNS * usual + (len(history) - 1) * between_runs(angles, noises)) / degrees
    mean = weighted_mean(angles, [one + spread for one in noises])
    known = noise(rows) + 1 / sum(1 / (one + spread) for one in noises)
    width = student(chance, degrees * ((known + spread) / spread) ** 2) * sqrt(known + spread)
    average = sin(mean) ** 2
    low, high = share_at(mean - width, rows), share_at(mean + width, rows)
    return Band(
        min(low, scaled_odds(average, 1 / (1 + tolerance)), max(0.0, average - LEAST_DIFFERENCE)),
        max(high, scaled_odds(average, 1 + tolerance), min(1.0, average + LEAST_DIFFERENCE)),
        average,
        len(history),
    )


def highest(limit: float, rows: int) -> float:
    """The highest share in a run of `rows` rows that chance explains where the true share is at most `limit`.

    A limit of 0 is meant as it is said.
    """
    if limit == 0:
        return 0.0
    return max(limit, share_at(asin(sqrt(limit)) + NormalDist().inv_cdf(1 - CERTAIN) * sqrt(noise(rows)), rows))


def angle(share: Share) -> float:
    """Anscombe's angle of a share: the arcsine of its root, with his correction for small counts."""
    return asin(sqrt((share.count + 3 / 8) / (share.rows + 3 / 4)))


def noise(rows: int) -> float:
    """The variance that chance gives the angle of a share of so many rows."""
    return 1 / (4 * rows + 2)


def share_at(place: float, rows: int) -> float:
    """The share whose angle this is, within 0 and 1: the reverse of `angle`."""
    squared = sin(min(max(place, 0.0), pi / 2)) ** 2
    return min(max((squared * (rows + 3 / 4) - 3 / 8) / max(rows, 1), 0.0), 1.0)


def weighted_mean(values: Sequence[float], variances: Sequence[float]) -> float:
    """The mean in which each value counts by the inverse of its variance."""
    return sum(v / s for v, s in zip(values, variances, strict=True)) / sum(1 / s for s in variances)


def between_runs(angles: Sequence[float], noises: Sequence[float]) -> float:
    """DerSimonian and Laird's variance between runs: what their differences show beyond chance, at least 0."""
    weights = [1 / one for one in noises]
    mean = weighted_mean(angles, noises)
    excess = sum(w * (a - mean) ** 2 for w, a in zip(weights, angles, strict=True)) - (len(angles) - 1)
    scale = sum(weights) - sum(w * w for w in weights) / sum(weights)
    return max(0.0, excess / scale) if scale > 0 else 0.0


def scaled_odds(share: float, factor: float) -> float:
    """The share whose odds are `factor` times those of `share`."""
    return factor * share / (1 + (factor - 1) * share)


def student(chance: float, degrees: float) -> float:
    """The two-sided critical value of Student's t, within 2% for 4 degrees of freedom or more.

    D. P. Gaver and K. Kafadar, "A retrievable recipe for inverse t", The American Statistician 38, 1984.
    """
    z = NormalDist().inv_cdf(1 - chance / 2)
    if degrees == inf or degrees > 1e6:
        return z
    return sqrt(degrees * (exp(z * z * (degrees - 1.5) / (degrees - 1) ** 2) - 1))
