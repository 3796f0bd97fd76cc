"""Which calibration and threshold a label gets, and how good they are on rows that they have not seen."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from moderation.evaluation.bootstrap import SEED
from moderation.evaluation.counts import Cuts, calibration_error
from moderation.evaluation.thresholds import Criterion, Unreachable, choose
from moderation.models.calibration import Calibration
from moderation.training.fit import METHODS, Judged, Unfit, apply
from moderation.training.recipe import Method

FOLDS = 5
FEWEST = 10  # positives and negatives: two parameters, and Platt's smoothed targets, bear as few
NONE = Calibration()
ISOTONIC_NEEDS = 200  # positives and negatives; with fewer its steps follow the noise


@dataclass(frozen=True)
class LabelFit:
    """A label's calibration and threshold.

    `log_loss` is per method that was tried; it and all figures after it are cross-validated, `ece_before` aside.
    """

    calibration: Calibration
    threshold: float
    log_loss: dict[str, float]
    ece_before: float
    ece_after: float
    precision: float
    recall: float
    macro_f1: float


def fit_label(rows: Judged, method: Method, criterion: Criterion, before: Calibration = NONE) -> LabelFit:
    """Fits a label by a method, or by the one of the lowest log loss in cross-validation where it is `auto`.

    `before` is what the label had. Raises `Unfit` where scores do not rise with the truth or rows are too
    few, and `Unreachable` where no threshold meets the criterion.
    """
    if rows.fewest < FEWEST:
        raise Unfit(f"{FEWEST} positives and {FEWEST} negatives are the least that can be fitted to")
    unseen = tried(rows, method)
    losses = {name: log_loss(rows, scores) for name, scores in unseen.items()}
    best = min(losses, key=lambda name: losses[name])
    calibration = METHODS[best](rows)
    threshold = choose(rows.as_drawn(apply(calibration, rows.logits)), criterion, rows.base_rate)
    cuts = honest_cuts(rows, best, criterion)
    return LabelFit(
        calibration,
        threshold,
        log_loss=losses,
        ece_before=float(calibration_error(rows.counts(apply(before, rows.logits)))),
        ece_after=float(calibration_error(rows.counts(unseen[best]))),
        precision=float(cuts.precision),
        recall=float(cuts.recall),
        macro_f1=float(cuts.macro_f1),
    )


def tried(rows: Judged, method: Method) -> dict[str, np.ndarray]:
    """Cross-validated scores [rows] of each method that can be fitted; raises `Unfit` where none is worth it."""
    found = {}
    for name in candidates(rows, method):
        try:
            found[name] = cross_validated(rows, name)
        except Unfit:
            # A temperature turns scores around 0.5, so it does not fit scores that are all on one side of it.
            if method != "auto" or name != "temperature":
                raise
    return found


def candidates(rows: Judged, method: Method) -> list[str]:
    """The methods to try."""
    if method != "auto":
        return [method]
    return [name for name in METHODS if name != "isotonic" or rows.fewest >= ISOTONIC_NEEDS]


def folds(rows: Judged) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Seen and unseen rows, `FOLDS` times; each row is unseen once, and each fold has its share of positives."""
    from sklearn.model_selection import StratifiedKFold

    splits: Iterator[tuple[np.ndarray, np.ndarray]] = StratifiedKFold(FOLDS, shuffle=True, random_state=SEED).split(
        rows.logits[:, None], rows.truth
    )
    return splits


def cross_validated(rows: Judged, method: str) -> np.ndarray:
    """Scores [rows], each by a calibration that was fitted to other rows."""
    scores = np.empty(len(rows.truth))
    for seen, unseen in folds(rows):
        scores[unseen] = apply(METHODS[method](rows.of(seen)), rows.logits[unseen])
    return scores


def honest_cuts(rows: Judged, method: str, criterion: Criterion) -> Cuts:
    """Decisions on each row by a calibration and a threshold that were fitted to others, weighted to the base rate."""
    flagged = np.zeros(len(rows.truth))
    for seen, unseen in folds(rows):
        part = rows.of(seen)
        calibration = METHODS[method](part)
        try:
            threshold = choose(part.as_drawn(apply(calibration, part.logits)), criterion, rows.base_rate)
        except Unreachable:  # by so few rows; then nothing is flagged
            continue
        flagged[unseen] = apply(calibration, rows.logits[unseen]) >= threshold
    return Cuts.at(rows.counts(flagged), 0.5)


def log_loss(rows: Judged, scores: np.ndarray) -> float:
    """The mean negative log likelihood of the truth, weighted to the base rate."""
    inside = np.clip(scores, 1e-12, 1 - 1e-12)
    losses = -np.log(np.where(rows.truth, inside, 1 - inside))
    return float(np.average(losses, weights=rows.weights))
