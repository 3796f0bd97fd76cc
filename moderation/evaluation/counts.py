"""Scores and truth of one label as counts per distinct score, and every figure that follows from them.

All figures are functions of `Counts`, whose last axis is the distinct scores; leading axes, where there are any, are
resamples. So a figure and its bootstrap interval come from the same lines.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

BINS = 15  # of equal width, as Guo et al. have it ("On Calibration of Modern Neural Networks", 2017)


@dataclass(frozen=True)
class Counts:
    """`positives` and `negatives` [..., K] at each of the K distinct `scores`, which rise. Counts may be weighted."""

    scores: np.ndarray
    positives: np.ndarray
    negatives: np.ndarray

    @classmethod
    def of(cls, scores: np.ndarray, truth: np.ndarray, weights: np.ndarray | None = None) -> Self:
        """Counts of rows: scores [rows] in [0, 1], none of them NaN, truth [rows], bool, and how much each counts."""
        distinct, place = np.unique(scores.astype(np.float64), return_inverse=True)
        each = np.ones(len(truth)) if weights is None else weights
        counted = (np.bincount(place[rows], each[rows], minlength=len(distinct)) for rows in (truth, ~truth))
        return cls(distinct, *counted)

    @property
    def rows(self) -> np.ndarray:
        """How many rows there are, [...]."""
        return (self.positives + self.negatives).sum(-1)

    @property
    def base_rate(self) -> np.ndarray:
        """The share of positives, [...]."""
        return ratio(self.positives.sum(-1), self.rows)

    def at_base_rate(self, rate: float | None) -> "Counts":
        """The same rows, weighted so that positives have a given share; None leaves them as they are."""
        if rate is None:
            return self
        share = self.base_rate[..., None]
        return Counts(self.scores, self.positives * rate / share, self.negatives * (1 - rate) / (1 - share))


@dataclass(frozen=True)
class Cuts:
    """What follows from flagging all scores at or above a threshold: counts [...], one for each threshold."""

    right: np.ndarray  # flagged positives
    wrong: np.ndarray  # flagged negatives
    missed: np.ndarray
    passed: np.ndarray  # negatives that were not flagged

    @classmethod
    def at(cls, counts: Counts, threshold: float) -> Self:
        """One threshold; the shape is that of the resamples."""
        first = int(np.searchsorted(counts.scores, threshold))
        right, wrong = counts.positives[..., first:].sum(-1), counts.negatives[..., first:].sum(-1)
        return cls(right, wrong, counts.positives.sum(-1) - right, counts.negatives.sum(-1) - wrong)

    @classmethod
    def each(cls, counts: Counts) -> Self:
        """A threshold at each distinct score, [..., K]."""
        right, wrong = from_above(counts.positives), from_above(counts.negatives)
        return cls(right, wrong, right[..., :1] - right, wrong[..., :1] - wrong)

    @property
    def precision(self) -> np.ndarray:
        """The share of flagged rows that are positive; 0 where nothing is flagged."""
        return ratio(self.right, self.right + self.wrong)

    @property
    def recall(self) -> np.ndarray:
        """The share of positives that are flagged."""
        return ratio(self.right, self.right + self.missed)

    @property
    def flagged(self) -> np.ndarray:
        """The share of rows that are flagged."""
        return ratio(self.right + self.wrong, self.right + self.wrong + self.missed + self.passed)

    @property
    def f1(self) -> np.ndarray:
        """F1 of the positives."""
        return ratio(2 * self.right, 2 * self.right + self.wrong + self.missed)

    @property
    def macro_f1(self) -> np.ndarray:
        """The mean F1 of positives and negatives."""
        return (self.f1 + ratio(2 * self.passed, 2 * self.passed + self.wrong + self.missed)) / 2

    @property
    def balanced(self) -> np.ndarray:
        """The mean recall of positives and negatives."""
        return (self.recall + ratio(self.passed, self.passed + self.wrong)) / 2


def roc_auc(counts: Counts) -> np.ndarray:
    """How often a positive scores above a negative; equal scores count half."""
    below = np.cumsum(counts.negatives, -1) - counts.negatives / 2
    return ratio((counts.positives * below).sum(-1), counts.positives.sum(-1) * counts.negatives.sum(-1))


def average_precision(counts: Counts) -> np.ndarray:
    """The mean precision over the positives, each at its own score."""
    return ratio((counts.positives * Cuts.each(counts).precision).sum(-1), counts.positives.sum(-1))


def calibration_error(counts: Counts) -> np.ndarray:
    """Expected calibration error: the mean distance of score and frequency over `BINS` bins, weighted by rows."""
    gaps = bin_sums(counts.positives - (counts.positives + counts.negatives) * counts.scores, counts.scores)
    return ratio(np.abs(gaps).sum(-1), counts.rows)


def bin_sums(values: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Sums of values [..., K] over the bins of their scores, [..., BINS]."""
    return values @ (bin_numbers(scores)[:, None] == np.arange(BINS)).astype(np.float64)


def bin_numbers(scores: np.ndarray) -> np.ndarray:
    """The bin of each score; a bin has its lower edge, and the last one has 1 too."""
    return np.minimum((scores * BINS).astype(np.int64), BINS - 1)


def from_above(values: np.ndarray) -> np.ndarray:
    """Sums from each place of the last axis to its end."""
    return np.cumsum(values[..., ::-1], -1)[..., ::-1]


def ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Part of a whole, 0 where there is no whole."""
    return np.divide(part, whole, out=np.zeros(np.broadcast(part, whole).shape), where=np.asarray(whole) > 0)
