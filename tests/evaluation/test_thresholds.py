"""Thresholds: what each criterion promises is what its threshold does."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up import rows

from moderation.errors import UsageError
from moderation.evaluation.counts import Counts, Cuts
from moderation.evaluation.thresholds import Criterion, Unreachable, between, choose

COUNTS = Counts.of(*rows(3000, 2))


@pytest.mark.parametrize("name", ["f1", "macro_f1", "balanced"])
def test_no_other_threshold_is_better(name: str) -> None:
    found = getattr(Cuts.at(COUNTS, choose(COUNTS, Criterion(name))), name)
    assert found == max(getattr(Cuts.at(COUNTS, score), name) for score in COUNTS.scores)


def test_a_precision_is_met_with_the_most_recall() -> None:
    threshold = choose(COUNTS, Criterion("precision", 0.8))
    assert Cuts.at(COUNTS, threshold).precision >= 0.8
    below = COUNTS.scores[COUNTS.scores < threshold]
    assert all(Cuts.at(COUNTS, score).precision < 0.8 for score in below)


def test_a_precision_that_only_a_handful_of_rows_would_have_is_out_of_reach() -> None:
    truth = np.zeros(200, bool)
    truth[-5:] = truth[:100] = True
    counts = Counts.of(np.linspace(0, 1, 200), truth)
    with pytest.raises(Unreachable, match=r"20 rows or more has a precision above 0\.525"):
        choose(counts, Criterion("precision", 0.9))


def test_a_lower_base_rate_wants_a_higher_threshold() -> None:
    rare = choose(COUNTS, Criterion("precision", 0.6), base_rate=0.05)
    assert rare > choose(COUNTS, Criterion("precision", 0.6))
    assert Cuts.at(COUNTS.at_base_rate(0.05), rare).precision >= 0.6


def test_a_cost_ratio_is_cheapest_where_scores_are_probabilities() -> None:
    many = Counts.of(*rows(200_000, 6))
    threshold = choose(many, Criterion.parse("cost=4:1"))
    assert threshold == 0.2

    def cost(limit: float) -> float:
        cuts = Cuts.at(many, limit)
        return float(4 * cuts.missed + cuts.wrong)

    assert cost(threshold) < min(cost(0.5 * threshold), cost(1.5 * threshold), cost(0.5))


def test_the_threshold_stands_between_the_scores_that_it_parts() -> None:
    scores, truth = np.linspace(0, 1, 100), np.arange(100) >= 90
    assert scores[89] < choose(Counts.of(scores, truth), Criterion("f1")) < scores[90]


def test_a_threshold_has_no_more_digits_than_part_its_scores() -> None:
    scores = np.array([0.30512345678, 0.305123467891])
    assert between(scores, 1) == 0.30512346
    assert between(np.array([0.2, 0.4]), 1) == 0.3


@given(st.sets(st.floats(0, 1, width=32), min_size=1, max_size=20), st.data())
def test_rounding_never_carries_a_threshold_across_a_score(values: set[float], data: st.DataObject) -> None:
    scores = np.array(sorted(values))
    place = data.draw(st.integers(0, len(scores) - 1))
    found = between(scores, place)
    assert found <= scores[place] and (place == 0 or found > scores[place - 1])


@pytest.mark.parametrize(
    ("text", "name"),
    [("f1", "f1"), ("macro-f1", "macro_f1"), ("precision=0.9", "precision=0.9"), ("cost=5:2", "cost=2.5:1")],
)
def test_criteria_are_read(text: str, name: str) -> None:
    criterion = Criterion.parse(text)
    assert str(criterion) == name
    assert Criterion.parse(name) == criterion, "its name reads back as itself: a recipe keeps the name"


@pytest.mark.parametrize(
    "text",
    ["", "f2", "precision", "precision=0", "precision=2", "precision=x", "cost=1", "cost=0:1", "cost=1:inf", "f1=1"],
)
def test_what_is_no_criterion_is_named(text: str) -> None:
    with pytest.raises(UsageError, match=rf"threshold '{text}' is none of f1"):
        Criterion.parse(text)
