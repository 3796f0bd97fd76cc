"""Figures from counts are scikit-learn's figures from rows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up import rows
from sklearn import metrics

from moderation.evaluation.counts import BINS, Counts, Cuts, average_precision, calibration_error, roc_auc


@st.composite
def scored_rows(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """A few rows with both classes; equal scores are likely, 0 and 1 among them."""
    count = draw(st.integers(2, 40))
    some = st.one_of(st.sampled_from([0.0, 0.25, 0.5, 1.0]), st.floats(0, 1, width=32))
    truth = draw(st.lists(st.booleans(), min_size=count, max_size=count).filter(lambda one: 0 < sum(one) < count))
    return np.array(draw(st.lists(some, min_size=count, max_size=count)), np.float32), np.array(truth)


@given(scored_rows())
def test_ranking_figures_are_those_of_scikit_learn(one) -> None:
    scores, truth = one
    counts = Counts.of(scores, truth)
    assert roc_auc(counts) == pytest.approx(metrics.roc_auc_score(truth, scores))
    assert average_precision(counts) == pytest.approx(metrics.average_precision_score(truth, scores))


@given(scored_rows(), st.floats(0, 1, width=32))
def test_figures_of_a_threshold_are_those_of_scikit_learn(one, threshold) -> None:
    scores, truth = one
    cuts, given = Cuts.at(Counts.of(scores, truth), threshold), scores.astype(np.float64) >= threshold
    assert cuts.precision == pytest.approx(metrics.precision_score(truth, given, zero_division=0))
    assert cuts.recall == pytest.approx(metrics.recall_score(truth, given))
    assert cuts.f1 == pytest.approx(metrics.f1_score(truth, given, zero_division=0))
    assert cuts.macro_f1 == pytest.approx(
        metrics.f1_score(truth, given, average="macro", zero_division=0, labels=[0, 1])
    )
    assert cuts.balanced == pytest.approx(metrics.balanced_accuracy_score(truth, given))
    assert cuts.flagged == pytest.approx(given.mean())


@given(scored_rows())
def test_the_cuts_at_each_score_are_those_of_that_threshold(one) -> None:
    counts = Counts.of(*one)
    each = Cuts.each(counts)
    for place, score in enumerate(counts.scores):
        assert each.macro_f1[place] == Cuts.at(counts, score).macro_f1


@given(scored_rows(), st.floats(0.05, 0.95))
def test_rows_at_another_base_rate_are_scikit_learns_weighted_ones(one, rate) -> None:
    scores, truth = one
    weights = np.where(truth, rate / truth.mean(), (1 - rate) / (1 - truth.mean()))
    counts = Counts.of(scores, truth).at_base_rate(rate)
    assert counts.base_rate == pytest.approx(rate)
    assert average_precision(counts) == pytest.approx(
        metrics.average_precision_score(truth, scores, sample_weight=weights)
    )


def plain_calibration_error(scores: np.ndarray, truth: np.ndarray) -> float:
    """The definition, bin by bin."""
    total = 0.0
    for low in range(BINS):
        inside = (scores * BINS >= low) & ((scores * BINS < low + 1) | (low == BINS - 1))
        if inside.any():
            total += inside.mean() * abs(scores[inside].mean() - truth[inside].mean())
    return total


@given(scored_rows())
def test_the_calibration_error_is_what_its_definition_says(one) -> None:
    scores, truth = one[0].astype(np.float64), one[1]
    assert calibration_error(Counts.of(scores, truth)) == pytest.approx(plain_calibration_error(scores, truth))


def test_scores_that_are_probabilities_have_next_to_no_calibration_error() -> None:
    assert calibration_error(Counts.of(*rows(50_000, 1))) < 0.01


@pytest.mark.parametrize(("scale", "least"), [(0.3, 0.08), (4.0, 0.05)])
def test_scores_that_say_too_much_or_too_little_have_one(scale: float, least: float) -> None:
    assert calibration_error(Counts.of(*rows(50_000, 1, scale))) > least
