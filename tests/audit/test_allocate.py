"""Sizes of strata: within what there is, near what was asked for, and enough for the margin."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.audit.allocate import LEAST, Frame, expected_margins, fit, sizes_for_margin, sizes_for_total
from moderation.audit.show_sample import cell


def frame(rows: list[int], chance: list[float], flagged: list[bool]) -> Frame:
    """The frame of one label."""
    n, p, t = np.array(rows), np.array(chance), np.array(flagged, float)
    return Frame(n, (n * t)[:, None], (n * p)[:, None], (n * p * t)[:, None])


FRAME = frame(
    [860_000, 110_000, 26_000, 2600, 780, 200, 50], [0.001, 0.0065, 0.04, 0.17, 0.35, 0.6, 0.85], [0] * 5 + [1] * 2
)


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(1, 10**7), st.floats(0.001, 0.999), st.booleans()), min_size=1, max_size=60),
    st.integers(1, 20_000),
)
def test_sizes_are_whole_rows_that_there_are_and_sum_to_what_was_asked_for(strata, total) -> None:
    made = frame(*map(list, zip(*strata, strict=True)))
    sizes = sizes_for_total(made, total)
    least = np.minimum(made.rows, LEAST)
    assert (sizes >= least).all() and (sizes <= made.rows).all()
    wanted = np.clip(total, least.sum(), made.rows.sum())
    assert abs(sizes.sum() - wanted) <= len(strata)


@settings(max_examples=40)
@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=40), st.integers(1, 1000))
def test_a_shape_of_nothing_still_gives_every_stratum_its_least(shape, total) -> None:
    rows = np.full(len(shape), 1000)
    assert (fit(np.array(shape), rows, total) >= LEAST).all()


def test_far_below_the_threshold_is_never_left_out_and_thin() -> None:
    sizes = sizes_for_total(FRAME, 1000)
    assert sizes[0] > 50  # a stratum of most rows may hide most misses, whatever the scores say
    parts = sizes / FRAME.rows
    assert (np.diff(parts[:5]) > 0).all()  # the nearer to the threshold the denser


def test_the_margin_that_was_asked_for_is_expected() -> None:
    for margin in (0.1, 0.05):
        sizes = sizes_for_margin(FRAME, margin, 10**6)
        precision, recall, _, _ = expected_margins(FRAME, sizes)[0]
        assert max(precision, recall) <= margin * 1.02
    assert sizes_for_margin(FRAME, 0.05, 10**6).sum() > sizes_for_margin(FRAME, 0.1, 10**6).sum()


def test_a_margin_costs_no_more_than_it_may() -> None:
    assert sizes_for_margin(FRAME, 0.005, 900).sum() <= 900 + len(FRAME.rows)


def test_nothing_is_expected_of_a_label_that_no_row_was_given() -> None:
    none = frame([1000, 500], [0.01, 0.2], [False, False])
    found = expected_margins(none, sizes_for_total(none, 200))[0]
    assert np.isnan(found[:2]).all() and found[3] > 0


@pytest.mark.parametrize(
    ("value", "margin", "shown"),
    [
        (0.1177, 0.0, "0.118, all seen"),
        (0.5, 0.03, "0.500 ± 0.030"),
        (0.0011, 0.00035, "0.00110 ± 0.00035"),
        (None, 0.1, "-"),
    ],
)
def test_a_margin_is_shown_to_as_many_digits_as_it_has_and_none_where_all_is_seen(value, margin, shown) -> None:
    assert cell(value, margin) == shown
