"""The figures of one label on some rows."""

from dataclasses import dataclass

import numpy as np

from moderation.evaluation.bootstrap import Estimate, bounded, bounded_error, grouped, perfect, resample
from moderation.evaluation.counts import (
    BINS,
    Counts,
    Cuts,
    average_precision,
    bin_sums,
    calibration_error,
    roc_auc,
)
from moderation.evaluation.thresholds import FEWEST, Criterion, choose

CURVE_POINTS = 200  # of a precision-recall curve that is drawn


@dataclass(frozen=True)
class Decisions:
    """What flagging from a threshold on gives."""

    threshold: float
    flagged: float
    precision: Estimate
    recall: Estimate
    f1: Estimate
    macro_f1: Estimate


@dataclass(frozen=True)
class Bin:
    """A bar of the reliability diagram: the rows with such scores, their mean score and the share of positives."""

    rows: int
    score: float
    frequency: float


@dataclass(frozen=True)
class Figures:
    """Ranking, decisions and calibration of one label; `curve` is recall and precision, [points, 2].

    `best` is the threshold of the highest macro-F1 on these very rows: what a better threshold could gain at most.
    """

    roc_auc: Estimate
    average_precision: Estimate
    calibration_error: Estimate
    shipped: Decisions
    best: Decisions
    bins: list[Bin]
    curve: np.ndarray


@dataclass(frozen=True)
class LabelReport:
    """One label on some rows; `figures` is None where there are too few positives or negatives."""

    label: str
    rows: int
    positives: int
    base_rate: float
    figures: Figures | None


def label_report(label: str, scores: np.ndarray, truth: np.ndarray, threshold: float) -> LabelReport:
    """Figures of scores [rows] against truth [rows] of 0, 1 and NaN; rows without score or judgement are left out."""
    judged = ~np.isnan(truth) & ~np.isnan(scores)
    counts = Counts.of(scores[judged], truth[judged] == 1)
    rows, positives = int(counts.rows), int(counts.positives.sum())
    enough = min(positives, rows - positives) >= FEWEST
    figures = label_figures(counts, threshold) if enough else None
    return LabelReport(label, rows, positives, positives / rows if rows else 0.0, figures)


def label_figures(counts: Counts, threshold: float) -> Figures:
    """Every figure, with its interval."""
    best = choose(counts, Criterion("macro_f1"))
    groups = grouped(counts, [threshold, best])
    resampled = resample(groups)
    errors = (calibration_error(some) for some in (counts, resampled, perfect(groups)))
    return Figures(
        roc_auc=bounded(roc_auc(counts), roc_auc(resampled)),
        average_precision=bounded(average_precision(counts), average_precision(resampled)),
        calibration_error=bounded_error(*errors),
        shipped=decisions(counts, resampled, threshold),
        best=decisions(counts, resampled, best),
        bins=reliability(counts),
        curve=curve(counts),
    )


def decisions(counts: Counts, resampled: Counts, threshold: float) -> Decisions:
    """The figures of one threshold."""
    cuts, drawn = Cuts.at(counts, threshold), Cuts.at(resampled, threshold)
    names = ("precision", "recall", "f1", "macro_f1")
    return Decisions(
        threshold, float(cuts.flagged), *(bounded(getattr(cuts, name), getattr(drawn, name)) for name in names)
    )


def reliability(counts: Counts) -> list[Bin]:
    """The bins of the calibration error that hold rows."""
    weight = counts.positives + counts.negatives
    rows, positives = bin_sums(weight, counts.scores), bin_sums(counts.positives, counts.scores)
    scores = bin_sums(weight * counts.scores, counts.scores)
    held = [number for number in range(BINS) if rows[number]]
    return [Bin(int(rows[b]), float(scores[b] / rows[b]), float(positives[b] / rows[b])) for b in held]


def curve(counts: Counts) -> np.ndarray:
    """Recall and precision [points, 2] from the highest threshold to the lowest, at even steps of recall."""
    cuts = Cuts.each(counts)
    recall, precision = cuts.recall[::-1], cuts.precision[::-1]
    steps = np.unique(np.searchsorted(recall, np.linspace(0, 1, CURVE_POINTS)).clip(max=len(recall) - 1))
    return np.stack([recall[steps], precision[steps]], axis=1)
