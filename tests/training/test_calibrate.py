"""Calibration recovers what is known of made-up scores."""

import numpy as np
import pytest

from moderation.models.spec import Calibration
from moderation.training.calibrate import apply, base_rate_weights, best_threshold, fit_platt, logit
from moderation.training.evaluate import expected_calibration_error

RANDOM = np.random.default_rng(11)
LOGITS = RANDOM.normal(size=40_000) * 3
TRUTH = RANDOM.random(LOGITS.size) < 1 / (1 + np.exp(-(0.5 * LOGITS - 1)))


def test_platt_scaling_finds_the_scale_and_shift_that_made_the_truth() -> None:
    found = fit_platt(LOGITS, TRUTH, np.ones(LOGITS.size))
    assert (found.scale, found.shift) == (pytest.approx(0.5, abs=0.03), pytest.approx(-1, abs=0.05))


def test_calibrated_scores_are_frequencies() -> None:
    found = fit_platt(LOGITS, TRUTH, np.ones(LOGITS.size))
    assert expected_calibration_error(TRUTH, apply(found, LOGITS)) < 0.01
    assert expected_calibration_error(TRUTH, apply(Calibration(), LOGITS)) > 0.05


def test_weights_bring_the_positives_back_to_their_share() -> None:
    weights = base_rate_weights(TRUTH, 0.05)
    assert np.average(TRUTH, weights=weights) == pytest.approx(0.05)
    assert np.average(apply(fit_platt(LOGITS, TRUTH, weights), LOGITS), weights=weights) == pytest.approx(
        0.05, abs=1e-3
    )


def test_the_threshold_separates_what_can_be_separated() -> None:
    truth = np.array([False] * 90 + [True] * 10)
    scores = np.linspace(0, 1, 100)
    assert scores[89] < best_threshold(scores, truth, np.ones(100)) < scores[90]


def test_scores_that_separate_without_error_do_not_become_certain() -> None:
    truth = np.array([False] * 30 + [True] * 30)
    found = fit_platt(np.where(truth, 4.0, -4.0), truth, np.ones(60))
    assert apply(found, np.array([4.0])) == pytest.approx([31 / 32], abs=0.01)


def test_logits_of_certain_scores_are_finite() -> None:
    assert np.isfinite(logit(np.array([0.0, 1.0, 0.5], np.float32))).all()
