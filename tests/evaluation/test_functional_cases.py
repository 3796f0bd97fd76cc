"""Functional cases: how they are read, asked and counted."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from moderation.errors import UsageError
from moderation.evaluation.functional import Answer, ask, by_group, by_label, failures, figures, read_cases
from moderation.inference.engine import Engine

CONTENT = {
    "groups": {
        "rude": {
            "about": "Insults.",
            "expect": {"insult": True, "offensive": True},
            "cases": [
                {"id": "rude-1", "text": "you fool"},
                {"id": "rude-2", "text": "oh dear", "expect": {"insult": None}},
            ],
        },
        "kind": {
            "about": "Kindness.",
            "expect": {"insult": False},
            "cases": [
                {"id": "kind-1", "text": "thank you"},
                {"id": "kind-2", "text": "go", "expect": {"insult": True}},
            ],
        },
    }
}


def written(folder: Path, content: object) -> Path:
    path = folder / "cases.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path


@pytest.fixture
def cases(tmp_path):
    return read_cases(written(tmp_path, CONTENT))


@pytest.fixture(scope="module")
def engine(tiny_model) -> Engine:
    return Engine.load(str(tiny_model), "fp32")


def answer(group: str = "g", case: str = "c", label: str = "insult", wanted: bool = True, score: float = 0.9) -> Answer:
    return Answer(group, case, "text", label, wanted, score, given=score >= 0.5)


def test_a_case_adds_to_its_group_changes_it_or_takes_a_label_out(engine, cases) -> None:
    asked = [(found.case, found.label, found.wanted) for found in ask(engine, cases)]
    assert asked == [
        ("rude-1", "insult", True),
        ("rude-1", "offensive", True),
        ("rude-2", "offensive", True),
        ("kind-1", "insult", False),
        ("kind-2", "insult", True),
    ]


def test_answers_are_the_engines_scores_at_the_models_threshold(engine, cases) -> None:
    first = ask(engine, cases)[0]
    expected = engine.score(["you fool"]).scores[0, engine.spec.labels.index("insult")]
    assert first.score == pytest.approx(float(expected))
    assert first.given == (expected >= engine.spec.thresholds["insult"])


def test_labels_that_the_model_lacks_are_not_asked(engine, tmp_path) -> None:
    content = {"groups": {"g": {"about": "A.", "cases": [{"id": "1", "text": "x", "expect": {"spam": True}}]}}}
    assert ask(engine, read_cases(written(tmp_path, content))) == []


def test_an_answer_is_right_when_the_label_is_given_as_wanted() -> None:
    assert answer(wanted=True, score=0.5).right
    assert not answer(wanted=True, score=0.4).right
    assert not answer(wanted=False, score=0.5).right
    assert answer(wanted=False, score=0.4).right


def test_a_text_that_could_not_be_scored_is_never_right() -> None:
    assert not answer(wanted=False, score=math.nan).right
    assert not answer(wanted=True, score=math.nan).right


def test_missed_and_false_alarms_are_counted_apart() -> None:
    given = [
        answer(case="1"),
        answer(case="1", label="threat", score=0.1),
        answer(case="2", wanted=False),
        answer(case="3", wanted=False, score=0.1),
    ]
    found = figures("all", given)
    assert (found.cases, found.answers, found.right, found.missed, found.false_alarms) == (3, 4, 2, 1, 1)
    assert found.rate == 0.5
    assert [wrong.case for wrong in failures(given)] == ["1", "2"]


def test_groups_and_labels_keep_the_order_of_the_answers() -> None:
    given = [answer("b", label="threat"), answer("a"), replace(answer("b"), score=0.1, given=False)]
    assert [(found.name, found.rate) for found in by_group(given)] == [("b", 0.5), ("a", 1.0)]
    assert [(found.name, found.rate) for found in by_label(given)] == [("threat", 1.0), ("insult", 0.5)]


def test_an_id_that_stands_twice_is_named(tmp_path) -> None:
    path = written(tmp_path, {"groups": {"g": {"about": "A.", "expect": {"insult": True}, "cases": [
        {"id": "same", "text": "x"}, {"id": "same", "text": "y"}]}}})  # fmt: skip
    with pytest.raises(UsageError, match=r"cases\.yaml: .*id 'same' stands twice"):
        read_cases(path)


def test_a_case_that_is_judged_for_nothing_is_named(tmp_path) -> None:
    path = written(tmp_path, {"groups": {"g": {"about": "A.", "cases": [{"id": "idle", "text": "x"}]}}})
    with pytest.raises(UsageError, match="'idle' is judged for no label"):
        read_cases(path)


def test_a_misspelt_key_is_named(tmp_path) -> None:
    content = {"groups": {"g": {"about": "A.", "expects": {}, "cases": [{"id": "1", "text": "x"}]}}}
    with pytest.raises(UsageError, match=r"unknown key 'groups\.g\.expects'"):
        read_cases(written(tmp_path, content))
