"""Calibration and thresholds of a trained model, from held-out rows."""

import json
from pathlib import Path

import numpy as np

from moderation.inference.engine import Engine
from moderation.models.spec import SECTION, Calibration, ModelSpec
from moderation.training.data import label_targets, read_rows
from moderation.training.recipe import CalibrationSource, Recipe

SMALLEST = 1e-6  # probabilities nearer to 0 or 1 than this have no logit in float32


def calibrate(recipe: Recipe, data: Path, folder: Path) -> None:
    """Fits each label's calibration and threshold by the recipe's calibration sources; rewrites the folder's config."""
    write_spec(folder, Engine.load(str(folder), "fp32").spec.model_copy(update={"calibration": {}}))
    engine = Engine.load(str(folder), "fp32")
    calibration, thresholds = {}, dict(engine.spec.thresholds)
    for source in recipe.calibration:
        scores, targets, labels = held_out(engine, recipe, source, data)
        for label in labels:
            column = engine.spec.labels.index(label)
            judged = ~np.isnan(targets[:, column])
            logits, truth = logit(scores[judged, column]), targets[judged, column] == 1
            weights = base_rate_weights(truth, source.base_rate.get(label))
            calibration[label] = fit_platt(logits, truth, weights)
            thresholds[label] = best_threshold(apply(calibration[label], logits), truth, weights)
    write_spec(folder, engine.spec.model_copy(update={"calibration": calibration, "thresholds": thresholds}))


def held_out(
    engine: Engine, recipe: Recipe, source: CalibrationSource, data: Path
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Scores and targets [rows, labels] of a calibration source's dev rows, those that the engine scored."""
    rows = read_rows(data, source, "dev", ["text", *source.labels.values()], recipe.seed)
    scores = engine.score(rows["text"].tolist()).scores
    known = ~np.isnan(scores).any(axis=1)
    return scores[known], label_targets(rows, source.labels, recipe.labels)[known], list(source.labels)


def logit(probability: np.ndarray) -> np.ndarray:
    """The inverse of the sigmoid."""
    inside = np.clip(probability.astype(np.float64), SMALLEST, 1 - SMALLEST)
    return np.log(inside / (1 - inside))


def apply(calibration: Calibration, logits: np.ndarray) -> np.ndarray:
    """Calibrated probabilities."""
    return 1 / (1 + np.exp(-(calibration.scale * logits + calibration.shift)))


def base_rate_weights(truth: np.ndarray, base_rate: float | None) -> np.ndarray:
    """Weights that give the positives the share they have in nature, where a set was drawn richer."""
    if base_rate is None:
        return np.ones(len(truth))
    share = truth.mean()
    return np.where(truth, base_rate / share, (1 - base_rate) / (1 - share))


def fit_platt(logits: np.ndarray, truth: np.ndarray, weights: np.ndarray) -> Calibration:
    """Platt scaling by weighted logistic regression.

    As Platt has it, a positive counts as (N+ + 1) / (N+ + 2) and a negative as 1 / (N- + 2), so that scores that
    separate the classes without error do not become certainties.
    """
    from sklearn.linear_model import LogisticRegression

    positives, negatives = truth.sum(), (~truth).sum()
    target = np.where(truth, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    both = np.concatenate([weights * target, weights * (1 - target)])
    classes = np.repeat([True, False], len(logits))
    model = LogisticRegression(C=np.inf).fit(np.tile(logits, 2)[:, None], classes, both)
    return Calibration(scale=round(float(model.coef_[0, 0]), 4), shift=round(float(model.intercept_[0]), 4))


def best_threshold(scores: np.ndarray, truth: np.ndarray, weights: np.ndarray) -> float:
    """The threshold of the highest F1, halfway to the next score below it."""
    from sklearn.metrics import precision_recall_curve

    precision, recall, thresholds = precision_recall_curve(truth, scores, sample_weight=weights)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    best = int(f1[:-1].argmax())
    return round(float(thresholds[max(best - 1, 0) : best + 1].mean()), 4)


def write_spec(folder: Path, spec: ModelSpec) -> None:
    """Replaces the spec in a model folder's config."""
    path = folder / "config.json"
    config = json.loads(path.read_text(encoding="utf-8")) | {SECTION: spec.model_dump(mode="json")}
    path.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
