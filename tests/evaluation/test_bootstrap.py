"""Bootstrap intervals hold the truth about as often as they say, and cost little."""

import time

import numpy as np
import pytest
from made_up import rows

from moderation.evaluation.bootstrap import CELLS, Estimate, bounded, bounded_error, cells, grouped, perfect, resample
from moderation.evaluation.counts import BINS, Counts, Cuts, calibration_error, roc_auc

MANY = Counts.of(*rows(400_000, 99))  # near enough to the population


def test_ninety_five_percent_intervals_hold_the_population_most_times() -> None:
    held = {"auc": 0, "macro": 0}
    for seed in range(80):
        counts = Counts.of(*rows(400, seed))
        drawn = resample(counts, resamples=200, seed=seed)
        figures = {"auc": roc_auc, "macro": lambda some: Cuts.at(some, 0.3).macro_f1}
        for name, figure in figures.items():
            found = bounded(figure(counts), figure(drawn))
            held[name] += found.low <= figure(MANY) <= found.high
    assert all(70 <= count <= 80 for count in held.values()), held


@pytest.mark.parametrize(("scale", "least"), [(1.0, 70), (0.4, 70)])
def test_intervals_of_the_calibration_error_hold_it_though_samples_overstate_it(scale: float, least: int) -> None:
    truth, held = calibration_error(Counts.of(*rows(400_000, 99, scale))), 0
    for seed in range(80):
        counts = Counts.of(*rows(400, seed, scale))
        drawn = resample(counts, resamples=200, seed=seed)
        found = bounded_error(*map(calibration_error, (counts, drawn, perfect(counts, 200, seed))))
        held += found.low <= truth + 0.005 and truth - 0.005 <= found.high
    assert held >= least


def test_resamples_have_as_many_rows_and_other_positives_each_time() -> None:
    counts = Counts.of(*rows(1000, 3))
    drawn = resample(counts)
    assert set(drawn.rows) == {1000}
    positives = drawn.positives.sum(1)
    assert positives.std() == pytest.approx(np.sqrt(1000 * counts.base_rate * (1 - counts.base_rate)), rel=0.1)


def test_the_same_seed_draws_the_same() -> None:
    counts = Counts.of(*rows(1000, 3))
    assert (resample(counts).positives == resample(counts).positives).all()
    assert (resample(counts, seed=1).positives != resample(counts, seed=2).positives).any()


def test_cells_reach_across_no_threshold_and_no_bin_and_keep_rare_positives_apart() -> None:
    scores, _ = rows(60_000, 5, shift=-6)
    truth = np.zeros(60_000, bool)
    truth[np.argsort(scores)[-30:]] = True
    counts = Counts.of(scores, truth)
    cell = cells(counts, [0.123])
    edges = [0.123, *(np.arange(1, BINS) / BINS)]
    for edge in edges:
        assert not set(cell[counts.scores < edge]) & set(cell[counts.scores >= edge])
    assert cell.max() < CELLS + BINS + 2
    assert len(set(cell[counts.positives > 0])) == 30


def test_taking_neighbours_together_hardly_moves_a_figure() -> None:
    counts = Counts.of(*rows(50_000, 8))
    together = grouped(counts, [])
    assert len(together.scores) < 600
    assert roc_auc(together) == pytest.approx(roc_auc(counts), abs=2e-4)


def test_the_time_does_not_grow_with_the_rows() -> None:
    started = time.perf_counter()
    resample(grouped(MANY, [0.3]))
    assert time.perf_counter() - started < 10


def test_the_figure_lies_within_its_interval() -> None:
    assert bounded(0.5, np.array([0.6, 0.7])) == Estimate(0.5, 0.5, 0.7 - 0.1 * 0.025)
    assert bounded_error(0.1, np.array([0.12, 0.14]), np.zeros(2)).high == 0.1
    assert bounded_error(0.01, np.array([0.05, 0.05]), np.zeros(2)).low == 0


def test_a_calibration_error_that_perfect_scores_would_show_may_be_none() -> None:
    drawn = np.array([0.09, 0.11])
    assert bounded_error(0.1, drawn, np.array([0.01, 0.02])).low == pytest.approx(0.09, abs=1e-3)
    assert bounded_error(0.1, drawn, np.array([0.09, 0.12])).low == 0
