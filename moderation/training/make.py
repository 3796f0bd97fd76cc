"""From a recipe to a finished folder: adapt, train, calibrate, measure, write the card, put in place."""

import time
from pathlib import Path
from typing import Any

from moderation.evaluation.sections import card_sections
from moderation.evaluation.suite import Suite, read_suite
from moderation.inference.engine import Engine
from moderation.models.base import Base, load_base
from moderation.resources import PACKAGE
from moderation.training.adapt import adapt, read_pieces, save_encoder
from moderation.training.calibrate import calibrate
from moderation.training.card import write_card
from moderation.training.evaluate import evaluate_labels, evaluate_spans
from moderation.training.finetune import read_examples, save, spec_of
from moderation.training.interrupt import noticed
from moderation.training.options import Options
from moderation.training.precisions import precision_figures, precision_section
from moderation.training.progress import Report
from moderation.training.recipe import Adaptation, Recipe, read_recipe
from moderation.training.run import Run, adaptation_digest, model_digest, running, versions
from moderation.training.trainings import train_all
from moderation.training.vocabulary import widened

BUILTIN = PACKAGE / "training" / "builtin.yaml"


def make_model(
    recipe: Path | Recipe | None, data: Path, output: Path, report: Report | None = None, options: Options | None = None
) -> None:
    """Makes a model folder by a recipe (the built-in model's where none is given).

    Raises `UsageError` where data, a column or the base model is missing; the output appears whole or not at all. A
    run that was stopped or killed goes on when it is started again; one that is finished is left as it is.
    """
    path = Path() if isinstance(recipe, Recipe) else recipe or BUILTIN
    read = recipe if isinstance(recipe, Recipe) else read_recipe(path)
    suite = read_suite(read.functional, path) if read.functional else None  # a mistake in it should not cost hours
    with running(output, model_digest(read, data), options or Options(), report) as run:
        if run is not None:
            train_model(read, data, run, suite)


def train_model(recipe: Recipe, data: Path, run: Run, suite: Suite | None) -> None:
    """All of it, in a workplace."""
    started, base = time.monotonic(), load_base(recipe.base)
    base = widened(base) if recipe.symbols else base
    if recipe.case:
        base.check_case()
    train, dev = read_examples(recipe, data, base)
    about: dict[str, Any] = {"recipe": recipe.model_dump(mode="json"), "device": run.device, "versions": versions()}
    if recipe.adapt:
        folder = run.place.folder / "adapted"
        about["adapted"] = adapt_to(recipe.adapt, base, data, run, folder)
        base = load_base(str(folder))
    run.progress.say(f"training on {len(train[0]):,} texts and {len(train[1]):,} sentences, {recipe.epochs} epoch(s)")
    with noticed() as interrupt:
        network, about["trainings"] = train_all(recipe, base, train, dev, run, interrupt)
    save(network, base, spec_of(recipe), run.place.made)
    run.progress.rest()
    finish(recipe, data, run.place.made, run.progress.say, suite)
    run.place.publish(about | {"seconds_of_the_last_start": round(time.monotonic() - started)})
    run.progress.say(f"model written to {run.place.output}")


def adapt_base(
    name: str, plan: Adaptation, output: Path, report: Report | None = None, options: Options | None = None
) -> None:
    """Writes an encoder folder: the base, adapted to unlabelled text. Errors and restarts are as with `make_model`."""
    with running(output, adaptation_digest(plan, name), options or Options(), report) as run:
        if run is None:
            return
        about = adapt_to(plan, load_base(name), Path(), run, run.place.made)
        run.place.publish({"base": name, "adapt": plan.model_dump(mode="json"), **about, "versions": versions()})
        run.progress.say(f"encoder written to {run.place.output}: give it to --base")


def adapt_to(plan: Adaptation, base: Base, data: Path, run: Run, folder: Path) -> dict[str, Any]:
    """Adapts a base, writes the encoder folder, and returns what was measured."""
    pieces = read_pieces(plan, data, base)
    run.progress.say(f"adapting the base on {len(pieces[0]):,} pieces of text")
    with noticed() as interrupt:
        keeping = run.keeping("adapting", interrupt)
        network, about = adapt(plan, base, pieces, keeping, run.progress, run.device)
    save_encoder(network.cpu(), base, folder)
    return about


def finish(recipe: Recipe, data: Path, output: Path, report: Report, suite: Suite | None) -> None:
    """Calibrates a trained folder, measures it and writes its card."""
    report("calibrating, and measuring on the dev rows ...")
    calibrate(recipe, data, output, report)
    engine = Engine.load(str(output), "fp32")
    labels, spans = evaluate_labels(engine, recipe, data), evaluate_spans(engine, recipe, data)
    sections = card_sections(engine, suite) if suite else []
    if recipe.precisions:
        sections = [precision_section(precision_figures(output, recipe, data)), *sections]
    write_card(engine, recipe, data, labels, spans, output, sections)
    for figures in labels:
        report(f"{figures.source} {figures.label}: ROC-AUC {figures.roc_auc:.3f}, macro-F1 {figures.macro_f1:.3f}")
    for found in spans:
        if found.type == "all":
            report(f"{found.source} entities: F1 {found.f1:.3f}")
