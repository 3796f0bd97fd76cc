"""Bands: chance and ordinary days are no shift, a doubled share is one, however large or small the runs."""

import random
from math import isclose

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.quality.bands import Share, band, highest, student

SHARES = (0.08, 0.05, 0.03, 0.012, 0.077, 0.004, 0.001, 0.0007, 0.0001, 0.2)
CHANCE = 0.001 / len(SHARES)


def draw(source: random.Random, share: float, rows: int, spread: float = 0.0) -> Share:
    """A run: a share whose odds differ from day to day by `spread`, and what chance makes of it."""
    import numpy as np

    odds = share / (1 - share) * np.exp(source.gauss(0, spread))
    return Share(int(np.random.default_rng(source.getrandbits(32)).binomial(rows, odds / (1 + odds))), rows)


def leaves(source: random.Random, share: float, rows: int, runs: int, spread: float, factor: float = 1.0) -> bool:
    """Whether a run leaves the band of earlier ones, where its own share is `factor` times theirs."""
    limits = band([draw(source, share, rows, spread) for _ in range(runs)], rows, CHANCE, 0.5)
    value = draw(source, factor * share, rows, spread).value
    assert value is not None
    return not limits.low <= value <= limits.high


@pytest.mark.parametrize("spread", [0.0, 0.1], ids=["one distribution", "days that differ by a tenth"])
@pytest.mark.parametrize("rows", [30, 1000, 10_000, 1_000_000])
@pytest.mark.parametrize("runs", [3, 10])
def test_of_runs_that_are_alike_fewer_than_one_in_a_hundred_is_refused(rows: int, runs: int, spread: float) -> None:
    source, tries = random.Random(runs * rows), 200
    refused = sum(any(leaves(source, share, rows, runs, spread) for share in SHARES) for _ in range(tries))
    assert refused < tries / 100


@pytest.mark.parametrize("share", [0.02, 0.05, 0.1])
@pytest.mark.parametrize("runs", [3, 10])
def test_a_doubled_share_of_ten_thousand_rows_is_caught(share: float, runs: int) -> None:
    source = random.Random(runs)
    assert sum(leaves(source, share, 10_000, runs, 0.0, factor=2) for _ in range(100)) >= 97


def test_a_share_that_halves_is_caught_too() -> None:
    source = random.Random(1)
    assert sum(leaves(source, 0.05, 10_000, 5, 0.0, factor=0.5) for _ in range(100)) >= 97


def test_days_that_differ_widen_the_band() -> None:
    calm = band([Share(500, 10_000)] * 5, 10_000, CHANCE, 0.5)
    restless = band([Share(count, 10_000) for count in (300, 700, 500, 400, 600)], 10_000, CHANCE, 0.5)
    assert restless.low < calm.low < calm.mean < calm.high < restless.high


def test_the_tolerance_and_the_least_difference_hold_however_many_rows_there_are() -> None:
    limits = band([Share(40_000_000, 100_000_000)] * 10, 100_000_000, CHANCE, 0.5)
    assert limits.low <= 0.4 / 1.5 / (0.6 + 0.4 / 1.5) + 1e-8
    assert limits.high >= 0.5 - 1e-8  # odds of 2 to 3, times 1.5
    assert band([Share(0, 100_000_000)] * 10, 100_000_000, CHANCE, 0.5).high >= 0.0005


counts = st.integers(1, 10**7).flatmap(lambda rows: st.tuples(st.integers(0, rows), st.just(rows)))


@settings(max_examples=300)
@given(st.lists(counts, min_size=1, max_size=12), st.integers(1, 10**8), st.floats(1e-8, 0.4), st.floats(0, 3))
def test_a_band_holds_its_mean_and_lies_within_all_shares(
    history: list[tuple[int, int]], rows: int, chance: float, tolerance: float
) -> None:
    limits = band([Share(*one) for one in history], rows, chance, tolerance)
    assert 0 <= limits.low <= limits.mean <= limits.high <= 1
    strict = band([Share(*one) for one in history], rows, chance / 2, tolerance)
    assert strict.low <= limits.low + 1e-9
    assert strict.high >= limits.high - 1e-9


@pytest.mark.parametrize("degrees", [4, 5, 8, 13, 30, 1000])
@pytest.mark.parametrize("chance", [0.01, 0.001])
def test_the_critical_values_are_those_of_students_t(degrees: float, chance: float) -> None:
    stats = pytest.importorskip("scipy.stats")  # comes with Great Expectations
    assert isclose(student(chance, degrees), stats.t.ppf(1 - chance / 2, degrees), rel_tol=0.02)


@pytest.mark.parametrize(
    ("limit", "rows", "expected"),
    [(0.05, 1_000_000, 0.0507), (0.05, 1000, 0.0731), (0.01, 1, 1.0), (0.0, 10, 0.0), (1.0, 10, 1.0)],
)
def test_a_limit_leaves_room_for_chance(limit: float, rows: int, expected: float) -> None:
    assert highest(limit, rows) == pytest.approx(expected, abs=1e-4)


def test_a_run_that_keeps_to_a_limit_seldom_breaks_it() -> None:
    source = random.Random(5)
    for rows in (20, 500, 100_000):
        broken = sum((draw(source, 0.05, rows).value or 0) > highest(0.05, rows) for _ in range(1000))
        assert broken <= 10
