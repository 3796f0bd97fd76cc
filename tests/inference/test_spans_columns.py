"""Spans as columns: joined in the order of texts, and given to other texts."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from moderation.inference.spans import Spans

Row = tuple[int, int, int, int, float]
rows = st.tuples(
    st.integers(0, 6), st.integers(0, 9), st.integers(0, 9), st.integers(0, 3), st.sampled_from([0.25, 0.5])
)
sorted_rows = st.lists(rows, max_size=12).map(lambda found: sorted(found, key=lambda row: row[0]))


def spans_of(found: list[Row]) -> Spans:
    columns = list(zip(*found, strict=True)) or [[]] * 5
    kinds = (np.int64, np.int64, np.int64, np.int64, np.float32)
    return Spans(*(np.array(column, kind) for column, kind in zip(columns, kinds, strict=True)))


@given(st.lists(st.lists(rows, max_size=8), max_size=5))
def test_joined_spans_are_in_the_order_of_texts_and_those_of_one_text_keep_theirs(pieces: list[list[Row]]) -> None:
    expected = sorted((row for piece in pieces for row in piece), key=lambda row: row[0])
    assert list(Spans.join([spans_of(piece) for piece in pieces]).rows()) == expected


def test_nothing_joined_is_no_spans_with_the_columns_kinds() -> None:
    assert list(Spans.none().rows()) == list(Spans.join([Spans.none(), Spans.none()]).rows()) == []
    assert Spans.none().texts.dtype == Spans.none().types.dtype == np.int64
    assert Spans.none().scores.dtype == np.float32


@given(sorted_rows, st.lists(st.tuples(st.integers(0, 8), st.integers(0, 99)), max_size=8))
def test_each_target_is_given_the_spans_of_its_source(found: list[Row], pairs: list[tuple[int, int]]) -> None:
    sources, targets = (np.array([pair[side] for pair in pairs], np.int64) for side in (0, 1))
    given_spans = spans_of(found).of(sources, targets)
    assert list(given_spans.rows()) == [
        (target, *row[1:]) for source, target in pairs for row in found if row[0] == source
    ]


def test_given_spans_are_copies() -> None:
    mine = spans_of([(0, 1, 2, 0, 0.5)])
    yours = mine.of(np.array([0]), np.array([3]))
    yours.starts[0] = 7
    assert list(mine.rows()) == [(0, 1, 2, 0, 0.5)]
