"""Calibrations fitted to the scores and the truth of one label."""

from dataclasses import dataclass

import numpy as np

from moderation.errors import UsageError
from moderation.evaluation.bootstrap import mass_cells
from moderation.evaluation.counts import Counts
from moderation.models.calibration import MOST_KNOTS, Calibration, Calibrator, sigmoid


class Unfit(ValueError):
    """The scores do not rise with the truth: no calibration that keeps their order can mend that."""


@dataclass(frozen=True)
class Judged:
    """One label's rows: uncalibrated logits and truth (bool), [rows]; `base_rate` is the share of positives in nature,
    where the rows were drawn richer or poorer, `drawn` how much each row counts besides."""

    logits: np.ndarray
    truth: np.ndarray
    base_rate: float | None = None
    drawn: np.ndarray | None = None

    @property
    def weights(self) -> np.ndarray:
        """Weights that give the positives the share that they have in nature."""
        each = np.ones(len(self.truth)) if self.drawn is None else self.drawn
        if self.base_rate is None:
            return each
        share = np.average(self.truth, weights=each)
        return each * np.where(self.truth, self.base_rate / share, (1 - self.base_rate) / (1 - share))

    @property
    def fewest(self) -> int:
        """Positives or negatives, whichever are fewer."""
        return int(min(self.truth.sum(), (~self.truth).sum()))

    def counts(self, scores: np.ndarray) -> Counts:
        """Scores [rows] against the truth, weighted to the base rate."""
        return self.as_drawn(scores).at_base_rate(self.base_rate)

    def as_drawn(self, scores: np.ndarray) -> Counts:
        """Scores [rows] against the truth, by the rows' own weights alone."""
        return Counts.of(scores, self.truth, self.drawn)

    def of(self, rows: np.ndarray) -> "Judged":
        """Some of the rows."""
        drawn = None if self.drawn is None else self.drawn[rows]
        return Judged(self.logits[rows], self.truth[rows], self.base_rate, drawn)


def apply(calibration: Calibration, logits: np.ndarray) -> np.ndarray:
    """Calibrated probabilities of one label's logits [rows]."""
    return Calibrator.of([calibration]).apply(logits[:, None])[:, 0]


def fit_platt(rows: Judged) -> Calibration:
    """Platt scaling by weighted logistic regression. Raises `Unfit`."""
    scale, shift = regression(rows, shifted=True)
    return Calibration(scale=scale, shift=shift)


def fit_temperature(rows: Judged) -> Calibration:
    """Temperature scaling: the same without a shift, so that a score of 0.5 stays one. Raises `Unfit`."""
    scale, _ = regression(rows, shifted=False)
    return Calibration(scale=scale)


def regression(rows: Judged, shifted: bool) -> tuple[float, float]:
    """Scale and shift of the logit.

    As Platt has it, a positive counts as (N+ + 1) / (N+ + 2) and a negative as 1 / (N- + 2), so that scores that
    separate the classes without error do not become certainties.
    """
    linear = linear_model()
    low, high = smoothed(rows)
    target = np.where(rows.truth, high, low)
    weights = np.concatenate([rows.weights * target, rows.weights * (1 - target)])
    classes = np.repeat([True, False], len(target))
    model = linear(C=np.inf, fit_intercept=shifted).fit(np.tile(rows.logits, 2)[:, None], classes, weights)
    scale, shift = (float(f"{value:.6g}") for value in (model.coef_[0, 0], np.ravel(model.intercept_)[0]))
    if scale <= 0:
        raise Unfit("its scores do not rise with the truth")
    return scale, shift


def linear_model() -> "type":
    """scikit-learn's logistic regression; raises `UsageError` where the train extra is not installed."""
    try:
        from sklearn.linear_model import LogisticRegression
    except ImportError as error:
        raise UsageError("calibration needs the train extra: pip install 'moderation-batch[train]'") from error
    found: type = LogisticRegression
    return found


def smoothed(rows: Judged) -> tuple[float, float]:
    """The lowest and the highest probability that so many rows can speak for (Laplace's rule of succession)."""
    positives, negatives = int(rows.truth.sum()), int((~rows.truth).sum())
    return 1 / (negatives + 2), (positives + 1) / (positives + 2)


def fit_isotonic(rows: Judged) -> Calibration:
    """Centred isotonic regression: the shares of positives in cells of neighbouring scores, pooled until they rise.

    Knots stand at the pooled cells' mean scores, so that scores between them keep their order (Oron and Flournoy,
    "Centered Isotonic Regression", 2017). Shares are held within `smoothed`. Outside the outermost knots scores lean
    by one standard error of the outermost share, to keep their order too.
    """
    from sklearn.isotonic import isotonic_regression

    scores = sigmoid(rows.logits)
    plain = Counts.of(scores, rows.truth)
    cell = mass_cells(plain, MOST_KNOTS - 2)
    counts = rows.counts(scores)
    positives = np.bincount(cell, counts.positives)
    weight = positives + np.bincount(cell, counts.negatives)
    shares = isotonic_regression(positives / weight, sample_weight=weight)
    pooled = np.concatenate([[0], np.cumsum(np.diff(shares) > 0)])
    block = pooled[cell]
    mass, size = (np.bincount(block, some.positives + some.negatives) for some in (counts, plain))
    x = np.bincount(block, counts.scores * (counts.positives + counts.negatives)) / mass
    y = np.clip(np.bincount(pooled, positives) / mass, *smoothed(rows))
    return knots(x, y, np.sqrt(y * (1 - y) / size))


def knots(x: np.ndarray, y: np.ndarray, error: np.ndarray) -> Calibration:
    """An isotonic calibration of knots with standard errors, and two more at 0 and 1, in short numbers."""
    low, high = max(y[0] - error[0], y[0] / 2), min(y[-1] + error[-1], (1 + y[-1]) / 2)
    short_x = [float(f"{value:.9g}") for value in (0, *x, 1)]
    short_y = np.maximum.accumulate([float(f"{value:.9g}") for value in (low, *y, high)])
    _, kept = np.unique(short_x, return_index=True)
    return Calibration(x=tuple(short_x[place] for place in kept), y=tuple(float(short_y[place]) for place in kept))


METHODS = {"temperature": fit_temperature, "platt": fit_platt, "isotonic": fit_isotonic}
