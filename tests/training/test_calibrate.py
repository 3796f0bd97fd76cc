"""Calibration recovers what is known of made-up scores."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from moderation.evaluation.counts import Counts, calibration_error
from moderation.evaluation.thresholds import Criterion
from moderation.models.calibration import MOST_KNOTS, Calibration, sigmoid
from moderation.training.choose import ISOTONIC_NEEDS, candidates, fit_label
from moderation.training.fit import Judged, Unfit, apply, fit_isotonic, fit_platt, fit_temperature

RANDOM = np.random.default_rng(11)
LOGITS = RANDOM.normal(size=16_000) * 3
TRUTH = RANDOM.random(LOGITS.size) < sigmoid(0.5 * LOGITS - 1)
ROWS = Judged(LOGITS, TRUTH)
CURVED = sigmoid(np.where(LOGITS > 0, 0.1 * LOGITS - 1, 2 * LOGITS - 1))  # no straight line in the logit
F1 = Criterion("f1")


def error(scores: np.ndarray, truth: np.ndarray = TRUTH) -> float:
    return float(calibration_error(Counts.of(scores, truth)))


def test_platt_scaling_finds_the_scale_and_shift_that_made_the_truth() -> None:
    found = fit_platt(ROWS)
    assert (found.scale, found.shift) == (pytest.approx(0.5, abs=0.03), pytest.approx(-1, abs=0.05))


def test_a_temperature_is_found_and_moves_no_score_of_one_half() -> None:
    found = fit_temperature(Judged(LOGITS, RANDOM.random(LOGITS.size) < sigmoid(LOGITS / 2.5)))
    assert (1 / found.scale, found.shift) == (pytest.approx(2.5, abs=0.1), 0)
    assert apply(found, np.zeros(1)) == pytest.approx([0.5])


@pytest.mark.parametrize("fit", [fit_platt, fit_isotonic])
def test_calibrated_scores_are_frequencies_on_rows_that_were_not_fitted_to(fit) -> None:
    found = fit(Judged(LOGITS[::2], TRUTH[::2]))
    assert error(apply(found, LOGITS[1::2]), TRUTH[1::2]) < 0.015
    assert error(apply(Calibration(), LOGITS[1::2]), TRUTH[1::2]) > 0.05


@pytest.mark.parametrize("fit", [fit_platt, fit_isotonic])
def test_a_score_of_four_fifths_means_four_fifths(fit) -> None:
    scores = apply(fit(ROWS), LOGITS)
    near = (scores > 0.77) & (scores < 0.83)
    assert near.sum() > 200
    assert TRUTH[near].mean() == pytest.approx(0.8, abs=0.04)


@pytest.mark.parametrize("fit", [fit_platt, fit_isotonic])
def test_a_base_rate_brings_the_positives_back_to_their_share(fit) -> None:
    rows = Judged(LOGITS, TRUTH, base_rate=0.05)
    assert np.average(TRUTH, weights=rows.weights) == pytest.approx(0.05)
    assert np.average(apply(fit(rows), LOGITS), weights=rows.weights) == pytest.approx(0.05, abs=2e-3)


def test_scores_that_separate_without_error_do_not_become_certain() -> None:
    truth = np.array([False] * 30 + [True] * 30)
    rows = Judged(np.where(truth, 4.0, -4.0), truth)
    assert apply(fit_platt(rows), np.array([4.0])) == pytest.approx([31 / 32], abs=0.01)
    assert apply(fit_isotonic(rows), np.array([-4.0, 4.0])) == pytest.approx([1 / 32, 31 / 32], abs=1e-6)


@settings(max_examples=60)
@given(
    arrays(np.float64, st.integers(4, 80), elements=st.floats(-16, 16)),
    st.integers(0, 2**32 - 1),
    st.one_of(st.none(), st.floats(0.01, 0.99)),
)
def test_isotonic_never_falls_has_few_knots_and_gives_no_certainty(logits, seed, base_rate) -> None:
    truth = np.random.default_rng(seed).random(len(logits)) < 0.4
    truth[:2] = True, False
    found = fit_isotonic(Judged(logits, truth, base_rate))
    scores = apply(found, np.linspace(-30, 30, 500))
    assert len(found.x) <= MOST_KNOTS
    assert (np.diff(scores) >= 0).all()
    assert scores.min() > 0 and scores.max() < 1


def test_isotonic_keeps_the_order_of_scores_almost_everywhere() -> None:
    scores = apply(fit_isotonic(ROWS), np.sort(LOGITS))
    assert len(np.unique(scores)) > 0.99 * len(scores)


def test_auto_takes_what_predicts_unseen_rows_best() -> None:
    straight = fit_label(ROWS, "auto", F1)
    curved = fit_label(Judged(LOGITS, RANDOM.random(LOGITS.size) < CURVED), "auto", F1)
    assert (straight.calibration.method, curved.calibration.method) == ("platt", "isotonic")
    assert set(curved.log_loss) == {"temperature", "platt", "isotonic"}
    assert min(curved.log_loss, key=curved.log_loss.__getitem__) == "isotonic"


@pytest.mark.parametrize(("positives", "tried"), [(ISOTONIC_NEEDS - 1, False), (ISOTONIC_NEEDS, True)])
def test_few_positives_are_never_fitted_step_by_step(positives, tried) -> None:
    truth = np.arange(1000) < positives
    assert ("isotonic" in candidates(Judged(np.zeros(1000), truth), "auto")) == tried


@pytest.mark.parametrize("method", ["platt", "isotonic"])
def test_the_error_after_is_that_of_unseen_rows_and_lower_than_before(method) -> None:
    few = Judged(LOGITS[:3000], TRUTH[:3000])
    found = fit_label(few, method, F1)
    assert found.ece_after < 0.04 < 0.08 < found.ece_before
    assert found.ece_after == pytest.approx(error(apply(found.calibration, LOGITS[3000:]), TRUTH[3000:]), abs=0.025)


def test_the_error_before_is_that_of_the_calibration_that_was_there() -> None:
    right = Calibration(scale=0.5, shift=-1)
    assert fit_label(ROWS, "platt", F1, right).ece_before < 0.01


def test_equal_rows_give_equal_fits() -> None:
    few = Judged(LOGITS[:2000], TRUTH[:2000], 0.2)
    assert fit_label(few, "auto", F1) == fit_label(few, "auto", F1)


@pytest.mark.parametrize("method", ["platt", "temperature", "auto"])
def test_scores_that_fall_as_the_truth_rises_are_refused(method) -> None:
    with pytest.raises(Unfit, match="do not rise"):
        fit_label(Judged(-LOGITS, TRUTH), method, F1)


def test_scores_that_are_all_high_are_no_reason_to_refuse() -> None:
    high = Judged(LOGITS[:3000] + 20, TRUTH[:3000])
    assert "temperature" not in fit_label(high, "auto", F1).log_loss
    with pytest.raises(Unfit):
        fit_label(high, "temperature", F1)


def test_too_few_rows_are_refused() -> None:
    truth = np.arange(500) < 9
    with pytest.raises(Unfit, match="10 positives and 10 negatives"):
        fit_label(Judged(LOGITS[:500], truth), "platt", F1)
