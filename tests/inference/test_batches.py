"""Batches of a token budget, padding, and halves."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.inference.batches import Batch, padded, rows_within

FIRST, LAST = 101, 102
lengths = st.lists(st.integers(3, 300), min_size=1, max_size=60).map(lambda found: np.array(sorted(found)[::-1]))
rows_of_tokens = st.lists(st.lists(st.integers(1, 99), min_size=1, max_size=9), min_size=1, max_size=9)


def pad(rows: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Rows of tokens padded as a batch wants them, and their lengths with both special tokens."""
    counts = np.array([len(row) for row in rows])
    starts = np.cumsum(counts) - counts
    return padded(np.concatenate(rows), starts, counts + 2, FIRST, LAST), counts + 2


def batch_of(rows: list[list[int]]) -> Batch:
    ids, counts = pad(rows)
    return Batch(ids, counts, np.arange(len(rows)) + 7, chunk="whose")


@given(lengths, st.integers(1, 1000))
def test_a_padded_batch_keeps_to_the_budget_unless_its_row_is_alone(found: np.ndarray, budget: int) -> None:
    rows = rows_within(found, budget)
    assert rows == 1 or rows * found[:rows].max() <= budget


@given(lengths, st.integers(1, 1000))
def test_a_batch_is_as_full_as_the_budget_allows(found: np.ndarray, budget: int) -> None:
    assert (rows_within(found, budget) + 1) * found.max() > budget


@pytest.mark.parametrize(("longest", "budget", "rows"), [(50, 10, 1), (5, 10, 2), (5, 9, 1), (5, 1, 1), (0, 3, 3)])
def test_a_row_beyond_the_budget_is_a_batch_of_its_own(longest: int, budget: int, rows: int) -> None:
    assert rows_within(np.array([longest]), budget) == rows


@given(rows_of_tokens)
def test_rows_stand_between_special_tokens_and_are_filled_up_with_zeros(rows: list[list[int]]) -> None:
    width = max(map(len, rows))
    ids, _ = pad(rows)
    assert ids.tolist() == [[FIRST, *row, LAST] + [0] * (width - len(row)) for row in rows]
    assert ids.dtype == np.int64


def test_rows_may_overlap_and_stand_in_any_order() -> None:
    tokens = np.arange(10, 20, dtype=np.int32)
    ids = padded(tokens, np.array([6, 0, 5]), np.array([6, 4, 5]), FIRST, LAST)
    assert ids.tolist() == [[101, 16, 17, 18, 19, 102], [101, 10, 11, 102, 0, 0], [101, 15, 16, 17, 102, 0]]


@given(rows_of_tokens.filter(lambda rows: len(rows) > 1))
def test_halves_hold_every_row_once_and_are_each_as_wide_as_they_need_to_be(rows: list[list[int]]) -> None:
    batch = batch_of(rows)
    halves = list(batch.halves())
    assert [len(half.windows) for half in halves] == [len(rows) // 2, len(rows) - len(rows) // 2]
    assert np.concatenate([half.windows for half in halves]).tolist() == batch.windows.tolist()
    for half in halves:
        expected = [rows[number - 7] for number in half.windows]
        ids, counts = pad(expected)
        assert half.ids.tolist() == ids.tolist() and half.lengths.tolist() == counts.tolist()
        assert half.chunk == "whose"


@given(rows_of_tokens)
def test_halving_again_and_again_ends_with_each_row_alone(rows: list[list[int]]) -> None:
    left, alone = [batch_of(rows)], []
    while left:
        batch = left.pop()
        if len(batch.windows) == 1:
            alone.append(int(batch.windows[0]) - 7)
            assert batch.ids.tolist() == [[FIRST, *rows[alone[-1]], LAST]]
        else:
            left.extend(batch.halves())
    assert sorted(alone) == list(range(len(rows)))
