"""The built-in model on labelled data that is not part of the project: floors, a little below what it reaches."""

import pytest

from moderation.inference.engine import Engine
from moderation.training.evaluate import evaluate_labels, evaluate_spans
from moderation.training.make import BUILTIN
from moderation.training.recipe import read_recipe

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine.load("builtin")


def test_offence_on_reddit_and_wikipedia_ranks_well(engine, shared_data) -> None:
    recipe = read_recipe(BUILTIN)
    chosen = [source for source in recipe.texts if {"cad", "jigsaw2018"} & set(source.where.get("source", []))]
    figures = evaluate_labels(engine, recipe.model_copy(update={"texts": chosen}), shared_data)
    ranking = {(found.source, found.label): found.roc_auc for found in figures}
    assert ranking["cad", "offensive"] > 0.82
    assert ranking["jigsaw2018", "toxicity"] > 0.97
    assert ranking["jigsaw2018", "insult"] > 0.93


def test_entities_on_noisy_text_are_found(engine, shared_data) -> None:
    figures = evaluate_spans(engine, read_recipe(BUILTIN), shared_data)
    scores = {found.source: found.f1 for found in figures if found.type == "all"}
    assert scores["wnut17"] > 0.56
    assert scores["crossner"] > 0.74
    assert scores["btc"] > 0.55
