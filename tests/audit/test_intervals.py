"""The intervals hold the truth as often as they say."""

import numpy as np
import pytest

from benchmarks.coverage_study import Setting, coverage
from moderation.audit.intervals import Cells, bounds, posterior, prior, rates

POPULATIONS = 400
CHANCE = 0.033  # three standard errors of 95% of 400, on top of the 93% to 97% that are promised


@pytest.mark.parametrize("truth", ["calibrated", "overconfident", "too low", "too high", "blind"])
@pytest.mark.parametrize("prevalence", [0.003, 0.1])
def test_95_percent_intervals_hold_the_truth_in_95_percent_of_populations(prevalence, truth) -> None:
    held, _ = coverage(Setting(prevalence, truth, 1000), POPULATIONS, draws=400)
    told = held[~np.isnan(held)]
    assert len(told) >= 3
    assert (told >= 0.93 - CHANCE).all() and (told <= 0.97 + CHANCE).all(), held


def test_half_an_observation_in_every_stratum_would_not_have_held_it() -> None:
    setting = Setting(0.003, "too high", 500)
    ours, theirs = (coverage(setting, POPULATIONS, 400, method)[0][1] for method in ("ours", "Jeffreys each"))
    assert ours >= 0.9 and theirs < 0.85


def test_a_cell_that_was_reviewed_whole_is_known() -> None:
    cells = Cells(np.array([20, 1000]), np.array([20, 50]), np.array([True, False]), np.array([[0.4, 0.6], [0.0, 1.0]]))
    drawn = posterior(cells, np.random.default_rng(1), 200)
    assert np.allclose(drawn[:, 0], [0.4, 0.6])
    assert drawn[:, 1, 0].max() > 0.001  # fifty rows without a hit do not say that there is none
    assert np.allclose(drawn.sum(axis=-1), 1)


def test_the_prior_is_half_an_observation_of_each_kind_on_each_side() -> None:
    cells = Cells(
        np.array([10, 1000, 10**6]), np.array([5, 50, 100]), np.array([True, False, False]), np.full((3, 2), 0.5)
    )
    found = prior(cells)
    assert np.allclose(found[0], 0.5) and np.allclose(found[1:].sum(axis=0), 0.5)
    assert found[2, 0] > 0.49  # nearly all of it where most may hide


def test_an_interval_holds_its_own_value() -> None:
    low, high = bounds(np.array([0.0, 1.0]), np.array([[0.1, 0.9], [0.2, 0.8]]))
    assert low[0] == 0 and high[1] == 1


def test_rates_are_of_all_rows_not_of_cells() -> None:
    rows, given = np.array([100.0, 900.0]), np.array([True, False])
    precision, recall, alarms, prevalence = rates(rows, given, np.array([0.5, 0.1]))
    assert (precision, prevalence) == (0.5, 0.14)
    assert recall == pytest.approx(50 / 140) and alarms == pytest.approx(50 / 860)
    assert np.isnan(rates(rows, given, np.zeros(2))[1])
