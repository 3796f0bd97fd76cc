"""From a recipe to a finished model folder: train, calibrate, measure, write the card."""

import sys
from collections.abc import Callable
from pathlib import Path

from moderation.evaluation.sections import card_sections
from moderation.evaluation.suite import read_suite
from moderation.inference.engine import Engine
from moderation.resources import PACKAGE
from moderation.training.calibrate import calibrate
from moderation.training.card import write_card
from moderation.training.evaluate import evaluate_labels, evaluate_spans
from moderation.training.finetune import finetune
from moderation.training.recipe import Recipe, read_recipe

BUILTIN = PACKAGE / "training" / "builtin.yaml"


def say(line: str) -> None:
    """Progress goes to standard error, a line at a time."""
    print(line, file=sys.stderr, flush=True)


def make_model(recipe: Path | None, data: Path, output: Path, report: Callable[[str], None] = say) -> None:
    """Makes a model folder by a recipe (the built-in model's where none is given)."""
    path = recipe or BUILTIN
    read = read_recipe(path)
    if read.functional:  # read now: a mistake in it should not cost hours of training
        suite = read_suite(read.functional, path)
        read = read.model_copy(update={"functional": str(suite.folder)})
    finetune(read, data, output, report)
    finish(read, data, output, report)


def finish(recipe: Recipe, data: Path, output: Path, report: Callable[[str], None] = say) -> None:
    """Calibrates a trained folder, measures it and writes its card."""
    calibrate(recipe, data, output)
    report("calibrated; measuring on the dev splits ...")
    engine = Engine.load(str(output), "fp32")
    labels, spans = evaluate_labels(engine, recipe, data), evaluate_spans(engine, recipe, data)
    sections = card_sections(engine, read_suite(recipe.functional)) if recipe.functional else []
    write_card(engine, recipe, data, labels, spans, output, sections)
    for figures in labels:
        report(f"{figures.source} {figures.label}: ROC-AUC {figures.roc_auc:.3f}, macro-F1 {figures.macro_f1:.3f}")
    for found in spans:
        if found.type == "all":
            report(f"{found.source} entities: F1 {found.f1:.3f}")
    report(f"model written to {output}")
