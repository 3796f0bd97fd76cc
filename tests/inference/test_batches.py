"""Batches of a token budget, and padding."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.inference.batches import pad, token_budget_batches

lengths = st.lists(st.integers(0, 300), max_size=60).map(lambda found: np.array(found, np.int64))
budgets = st.integers(1, 1000)


@given(lengths, budgets)
def test_every_row_is_in_exactly_one_batch(rows: np.ndarray, budget: int) -> None:
    covered = [index for batch in token_budget_batches(rows, budget) for index in batch.tolist()]
    assert sorted(covered) == list(range(len(rows)))


@given(lengths, budgets)
def test_a_padded_batch_keeps_to_the_budget_unless_its_row_is_alone(rows: np.ndarray, budget: int) -> None:
    for batch in token_budget_batches(rows, budget):
        assert len(batch) == 1 or len(batch) * rows[batch].max() <= budget


@given(lengths, budgets)
def test_lengths_never_grow_from_row_to_row(rows: np.ndarray, budget: int) -> None:
    order = [index for batch in token_budget_batches(rows, budget) for index in batch.tolist()]
    assert rows[order].tolist() == sorted(rows.tolist(), reverse=True)


@given(lengths, budgets)
def test_a_batch_is_as_full_as_the_budget_allows(rows: np.ndarray, budget: int) -> None:
    batches = list(token_budget_batches(rows, budget))
    for batch in batches[:-1]:
        assert (len(batch) + 1) * max(1, rows[batch].max()) > budget


def test_rows_of_equal_length_keep_their_order() -> None:
    batches = [batch.tolist() for batch in token_budget_batches(np.array([5, 9, 5, 9, 5]), 18)]
    assert batches == [[1, 3], [0, 2, 4]]


def test_no_rows_no_batches() -> None:
    assert list(token_budget_batches(np.zeros(0, np.int64), 10)) == []


def test_a_row_beyond_the_budget_is_a_batch_of_its_own() -> None:
    assert [batch.tolist() for batch in token_budget_batches(np.array([3, 50, 3]), 10)] == [[1], [0, 2]]


@given(st.lists(st.lists(st.integers(1, 99), max_size=9), max_size=9), st.integers(-5, 0))
def test_padding_fills_up_on_the_right_and_keeps_the_rows(rows: list[list[int]], value: int) -> None:
    padded = pad([np.array(row, np.int64) for row in rows], 9, value)
    assert padded.shape == (len(rows), 9) and padded.dtype == np.int64
    assert padded.tolist() == [row + [value] * (9 - len(row)) for row in rows]


def test_a_row_wider_than_the_batch_is_an_error() -> None:
    with pytest.raises(ValueError):
        pad([np.arange(5)], 4)
