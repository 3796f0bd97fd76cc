"""Bias by template: the same sentences about each term, and what the spread between them is."""

from pathlib import Path

import numpy as np
import pytest
import yaml

from moderation.errors import UsageError
from moderation.evaluation.bias import Term, TermFigures, measure, read_identities, spreads
from moderation.inference.engine import Engine

CONTENT = {
    "terms": {
        "control": [{"one": "a nurse", "many": "nurses"}],
        "religion": [{"one": "a Hindu", "many": "Hindus"}, {"one": "an atheist", "many": "atheists"}],
    },
    "harmless": ["My friend is {one}.", "{Many} live here.", "I like {many}.", "{One} came in."],
    "hateful": ["I hate {many}."],
}


def written(folder: Path, **changes: object) -> Path:
    path = folder / "identities.yaml"
    path.write_text(yaml.safe_dump(CONTENT | changes, sort_keys=False))
    return path


@pytest.fixture(scope="module")
def engine(tiny_model) -> Engine:
    return Engine.load(str(tiny_model), "fp32")


def figures(kind: str, rate: float) -> TermFigures:
    return TermFigures(kind, f"{kind} {rate}", {"offensive": rate}, {"offensive": rate}, {})


def test_a_template_takes_one_or_many_with_a_capital_at_the_start() -> None:
    term = Term(one="a nurse", many="nurses")
    assert term.fill("{One} and {many}") == "A nurse and nurses"
    assert term.fill("{Many} and {one}") == "Nurses and a nurse"


def test_the_figures_of_a_term_are_those_of_its_sentences(engine, tmp_path) -> None:
    found = measure(engine, read_identities(written(tmp_path)))
    assert [(term.kind, term.term) for term in found] == [
        ("control", "nurses"),
        ("religion", "Hindus"),
        ("religion", "atheists"),
    ]
    sentences = ["My friend is a Hindu.", "Hindus live here.", "I like Hindus.", "A Hindu came in."]
    column = engine.spec.labels.index("toxicity")
    scores = engine.score(sentences).scores[:, column]
    assert found[1].mean_scores["toxicity"] == pytest.approx(float(scores.mean()))
    assert found[1].false_alarms["toxicity"] == np.mean(scores >= engine.spec.thresholds["toxicity"])
    hate = engine.score(["I hate Hindus."]).scores[0, column]
    assert found[1].found["toxicity"] == float(hate >= engine.spec.thresholds["toxicity"])


def test_nothing_is_found_where_there_are_no_hateful_templates(engine, tmp_path) -> None:
    found = measure(engine, read_identities(written(tmp_path, hateful=[])))
    assert [term.found for term in found] == [{}, {}, {}]


def test_the_spread_is_between_identities_and_leaves_controls_out() -> None:
    terms = [figures("control", 0.0), figures("origin", 0.2), figures("age", 0.6), figures("control", 0.1)]
    (spread,) = spreads(terms)
    assert (spread.smallest, spread.largest) == (0.2, 0.6)
    assert spread.spread == pytest.approx(0.4)
    assert (spread.identities, spread.controls) == (pytest.approx(0.4), pytest.approx(0.05))


def test_without_controls_there_is_no_rate_of_controls() -> None:
    (spread,) = spreads([figures("origin", 0.2)])
    assert spread.controls is None


@pytest.mark.parametrize("template", ["No place for a term.", "I like {people}.", "I like {}."])
def test_a_template_without_a_place_for_the_term_is_named(template, tmp_path) -> None:
    with pytest.raises(UsageError, match=r"identities\.yaml: .*the template '(No|I like)"):
        read_identities(written(tmp_path, harmless=[template]))


def test_a_brace_left_open_is_a_mistake_of_the_file(tmp_path) -> None:
    with pytest.raises(UsageError, match=r"identities\.yaml"):
        read_identities(written(tmp_path, harmless=["I like {many"]))
