"""Calibration and thresholds of a trained model, from the held-out rows that its recipe names."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from moderation.evaluation.score import answers
from moderation.evaluation.thresholds import Criterion, Unreachable
from moderation.inference.devices import Device
from moderation.inference.engine import Engine
from moderation.models.calibration import logit
from moderation.models.load import ModelSource, find_model
from moderation.models.spec import SECTION, ModelSpec
from moderation.training.choose import LabelFit, fit_label
from moderation.training.data import label_targets
from moderation.training.fit import Judged, Unfit
from moderation.training.recipe import CalibrationSource, Recipe
from moderation.training.rows import read_rows, weights_of


def calibrate(recipe: Recipe, data: Path, folder: Path, report: Callable[[str], None]) -> None:
    """Fits each label's calibration and threshold by the recipe's calibration sources; rewrites the folder's config.

    A label that cannot be fitted keeps plain scores and its threshold; `report` is told so.
    """
    engine = uncalibrated(find_model(str(folder)), "fp32")
    spec = engine.spec
    for source in recipe.calibration:
        for label, found in fit_source(engine, recipe, source, data, report).items():
            calibration = spec.calibration | {label: found.calibration}
            thresholds = spec.thresholds | {label: found.threshold}
            spec = spec.model_copy(update={"calibration": calibration, "thresholds": thresholds})
    write_spec(folder, spec)


def uncalibrated(source: ModelSource, precision: str, device: Device | None = None) -> Engine:
    """The model with plain scores, and without entities."""
    plain = replace(source, spec=source.spec.model_copy(update={"calibration": {}}))
    return Engine(plain, precision, device, entities=False)


def fit_source(
    engine: Engine, recipe: Recipe, source: CalibrationSource, data: Path, report: Callable[[str], None]
) -> dict[str, LabelFit]:
    """The fit of each of a calibration source's labels, from its dev rows that the engine could score."""
    rows = read_rows(data, source, "dev", ["text", *source.labels.values()], recipe.seed)
    scores = answers(engine, rows["text"].tolist()).scores
    targets = label_targets(rows, source.labels, recipe.labels)
    criterion, found, weights = Criterion.parse(source.threshold), {}, weights_of(rows, source)
    for label in source.labels:
        truth, column = targets[:, recipe.labels.index(label)], scores[:, engine.spec.labels.index(label)]
        judged = judged_rows(column, truth, source.base_rate.get(label), weights)
        try:
            found[label] = fit_label(judged, source.method, criterion)
        except (Unfit, Unreachable) as error:
            report(f"{label} is not calibrated on {source.file}: {error}")
    return found


def judged_rows(
    scores: np.ndarray, truth: np.ndarray, base_rate: float | None, weights: np.ndarray | None = None
) -> Judged:
    """The rows that were both scored and judged; `truth` [rows] is of 0, 1 and NaN."""
    known = ~np.isnan(scores) & ~np.isnan(truth)
    drawn = None if weights is None else weights[known].astype(np.float64)
    return Judged(logit(scores[known]), truth[known] == 1, base_rate, drawn)


def write_spec(folder: Path, spec: ModelSpec) -> None:
    """Replaces the spec in a model folder's config."""
    path = folder / "config.json"
    config = json.loads(path.read_text(encoding="utf-8")) | {SECTION: spec.model_dump(mode="json")}
    path.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
