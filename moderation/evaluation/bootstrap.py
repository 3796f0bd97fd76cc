"""Bootstrap intervals: how much a figure would vary had other rows been drawn.

Percentile intervals (Efron, "Bootstrap Methods: Another Look at the Jackknife", 1979) of rows drawn with replacement,
not stratified: the number of positives varies from resample to resample, as it would from sample to sample.
"""

from dataclasses import dataclass

import numpy as np

from moderation.evaluation.counts import Counts, bin_numbers

RESAMPLES = 1000
LEVEL = 0.95
CELLS = 500  # distinct scores of a resample: rows beyond that share one, which moves an interval by less than 0.001
SEED = 7


@dataclass(frozen=True)
class Estimate:
    """A figure with the bounds of its 95% interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        low, high = (f"{bound:.3f}".removeprefix("0") for bound in (self.low, self.high))
        return f"{self.value:.3f} [{low}, {high}]"


def bounded(value: np.ndarray | float, resampled: np.ndarray) -> Estimate:
    """A value with the percentile interval of its resamples [resamples]; it lies within, however skewed they are."""
    low, high = interval(resampled)
    return Estimate(float(value), min(low, float(value)), max(high, float(value)))


def bounded_error(value: np.ndarray | float, resampled: np.ndarray, perfect: np.ndarray) -> Estimate:
    """The same for a mean of distances, whose resamples lie above it: they carry the noise of drawing twice.

    So their interval is turned about the value (the basic bootstrap of Davison and Hinkley, 1997). It begins at 0
    where rows without any true distance (`perfect`) would show as much.
    """
    low, high = interval(resampled)
    given = float(value)
    nothing = given <= interval(perfect)[1]
    return Estimate(given, 0.0 if nothing else min(max(2 * given - high, 0.0), given), max(2 * given - low, given))


def interval(resampled: np.ndarray) -> tuple[float, float]:
    """The bounds that hold `LEVEL` of the resamples."""
    tail = 100 * (1 - LEVEL) / 2
    low, high = np.percentile(resampled, [tail, 100 - tail])
    return float(low), float(high)


def grouped(counts: Counts, thresholds: list[float]) -> Counts:
    """The same rows, neighbours taken together where there are many distinct scores, each at the mean of its scores.

    About `CELLS` scores remain, and none stands for rows on both sides of a threshold or of a bin of the calibration
    error. So the time that resampling takes does not grow with the rows.
    """
    cell, weight = cells(counts, thresholds), counts.positives + counts.negatives
    scores = np.clip(np.bincount(cell, counts.scores * weight) / np.bincount(cell, weight), 0, 1)
    return Counts(scores, np.bincount(cell, counts.positives), np.bincount(cell, counts.negatives))


def resample(counts: Counts, resamples: int = RESAMPLES, seed: int = SEED) -> Counts:
    """Counts [resamples, K] of as many rows as there are, drawn with replacement."""
    both = np.concatenate([counts.positives, counts.negatives])
    random = np.random.default_rng(seed)
    drawn = random.multinomial(round(both.sum()), both / both.sum(), size=resamples).astype(np.float64)
    return Counts(counts.scores, drawn[:, : len(counts.scores)], drawn[:, len(counts.scores) :])


def perfect(counts: Counts, resamples: int = RESAMPLES, seed: int = SEED) -> Counts:
    """Counts [resamples, K] of the same scores, had each been the probability of a positive."""
    weight = np.rint(counts.positives + counts.negatives).astype(np.int64)
    drawn = np.random.default_rng(seed).binomial(weight, counts.scores, (resamples, len(weight))).astype(np.float64)
    return Counts(counts.scores, drawn, weight - drawn)


def cells(counts: Counts, thresholds: list[float], limit: int = CELLS) -> np.ndarray:
    """The cell of each distinct score, numbered from 0: about `limit` of them."""
    if len(counts.scores) <= limit:
        return np.arange(len(counts.scores))
    keys = [mass_cells(counts, limit), bin_numbers(counts.scores)]
    keys += [(counts.scores >= threshold).astype(np.int64) for threshold in thresholds]
    return numbered(np.any([np.diff(key) != 0 for key in keys], axis=0))


def mass_cells(counts: Counts, limit: int) -> np.ndarray:
    """At most `limit` cells of neighbouring scores with equal shares of the positives and of the negatives together.

    Both classes weigh the same in that, so that the scores of a rare class are told apart as sharply.
    """
    mass = (counts.positives / counts.positives.sum() + counts.negatives / counts.negatives.sum()) / 2
    return numbered(np.diff(np.floor((np.cumsum(mass) - mass) * limit)) > 0)


def numbered(changes: np.ndarray) -> np.ndarray:
    """Numbers from 0 that rise by one at each change."""
    return np.concatenate([[0], np.cumsum(changes)])
