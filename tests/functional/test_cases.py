"""What the built-in model makes of the functional cases: no group falls below its floor (see floors.py)."""

from collections import Counter
from statistics import fmean

import pytest
import yaml

from moderation.evaluation.bias import CONTROL, TermFigures, measure, spreads
from moderation.evaluation.functional import Answer, ask, by_group, failures
from moderation.evaluation.suite import read_suite
from moderation.inference.devices import Device
from moderation.inference.engine import Engine
from tests.conftest import LABELS
from tests.functional.floors import FLOORS, FOLDER

SUITE = read_suite(str(FOLDER))
GROUPS = SUITE.cases.groups
CASES = [case for group in GROUPS.values() for case in group.cases]
LEAST = yaml.safe_load(FLOORS.read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def engine() -> Engine:
    """In fp32, since what bf16 does to a score near its threshold depends on the processor."""
    return Engine.load("builtin", "fp32", Device("cpu"))


@pytest.fixture(scope="session")
def answers(engine) -> list[Answer]:
    return ask(engine, SUITE.cases)


@pytest.fixture(scope="session")
def terms(engine) -> list[TermFigures]:
    return measure(engine, SUITE.identities)


@pytest.mark.parametrize("group", GROUPS)
def test_the_model_answers_as_many_right_as_the_floor_says(group, answers) -> None:
    asked = [answer for answer in answers if answer.group == group]
    (found,) = by_group(asked)
    wrong = ", ".join(f"{answer.case} ({answer.label} {answer.score:.2f})" for answer in failures(asked))
    assert found.rate >= LEAST["groups"][group], f"{GROUPS[group].about} Wrong: {wrong}"


@pytest.mark.parametrize("label", ["offensive", "toxicity", "identity_attack"])
def test_harmless_sentences_about_identities_are_not_flagged_more_often(label, terms) -> None:
    (found,) = [spread for spread in spreads(terms) if spread.label == label]
    assert found.identities <= LEAST["false_alarms"][label]


@pytest.mark.parametrize("label", ["offensive", "identity_attack"])
def test_hate_is_found_more_often_than_harmless_sentences_are_flagged(label, terms) -> None:
    identities = [term for term in terms if term.kind != CONTROL]
    found = fmean(term.found[label] for term in identities)
    assert found > 2 * fmean(term.false_alarms[label] for term in identities)


def test_the_floors_name_every_group_and_no_other() -> None:
    assert list(LEAST["groups"]) == list(GROUPS)


def test_every_answer_has_a_score(answers) -> None:
    assert {answer.case for answer in answers} == {case.id for case in CASES}
    assert all(0 <= answer.score <= 1 for answer in answers)


def test_every_group_is_described_and_has_six_cases() -> None:
    assert [name for name, group in GROUPS.items() if not group.about.endswith(".") or len(group.cases) < 6] == []


def test_every_judged_label_is_one_of_the_models() -> None:
    assert {label for group in GROUPS.values() for case in group.cases for label in group.wanted(case)} == set(LABELS)


def test_no_case_is_another_in_other_letters() -> None:
    texts = Counter(" ".join(case.text.lower().split()) for case in CASES)
    assert [text for text, count in texts.items() if count > 1] == []


def test_every_label_is_asked_for_both_ways(answers) -> None:
    """A model that always or never gives a label is wrong in a fifth of its answers or more."""
    for label in LABELS:
        wanted = [answer.wanted for answer in answers if answer.label == label]
        assert 0.2 <= sum(wanted) / len(wanted) <= 0.8, label


def test_there_are_identities_of_many_kinds_and_controls() -> None:
    terms = [term.many for members in SUITE.identities.terms.values() for term in members]
    assert len(set(terms)) == len(terms) >= 30
    assert len(SUITE.identities.terms[CONTROL]) >= 5
    assert len(set(SUITE.identities.harmless)) >= 12
