"""Spans of several models: where they overlap, the surer one stays."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from inference_helpers import CHECKS

from moderation.inference.scored import Scored
from moderation.inference.settle import settle, winners
from moderation.inference.spans import Spans

Row = tuple[int, int, int, int, float]
scores = st.sampled_from([0.25, 0.5, 0.75])  # few, so that many are equal
places = st.tuples(st.integers(0, 12), st.integers(1, 6)).map(lambda pair: (pair[0], pair[0] + pair[1]))
rows = st.tuples(st.integers(0, 2), places, st.integers(0, 3), scores).map(
    lambda one: (one[0], *one[1], one[2], one[3])
)


def spans_of(found: list[Row]) -> Spans:
    """Spans in the order in which the models gave them, as the engine joins them: by text."""
    columns = [np.array([row[column] for row in found]) for column in range(5)]
    return Spans.join([Spans(*columns)])


def left(found: list[Row]) -> list[Row]:
    """What stays of spans that models gave in this order."""
    spans = spans_of(found)
    return [list(spans.rows())[number] for number in winners(spans)]


def by_hand(found: list[Row]) -> list[Row]:
    """The same, span by span."""
    kept: list[Row] = []
    for row in sorted(found, key=lambda row: -row[4]):  # stable: of equal ones the earlier comes first
        if all(row[0] != other[0] or row[2] <= other[1] or other[2] <= row[1] for other in kept):
            kept.append(row)
    return sorted(kept)


@CHECKS
@given(found=st.lists(rows, max_size=20))
def test_the_surest_span_stays_and_nothing_overlaps_it(found: list[Row]) -> None:
    assert left(found) == by_hand(found)


def test_of_equally_sure_models_the_earlier_one_is_believed() -> None:
    assert left([(0, 0, 5, 1, 0.5), (0, 0, 5, 2, 0.5)]) == [(0, 0, 5, 1, 0.5)]
    assert left([(0, 3, 9, 2, 0.5), (0, 0, 5, 1, 0.5)]) == [(0, 3, 9, 2, 0.5)]


def test_exact_doubles_are_dropped_and_neighbours_that_touch_stay() -> None:
    assert left([(0, 0, 5, 1, 0.5), (0, 0, 5, 1, 0.5), (0, 5, 7, 1, 0.25)]) == [(0, 0, 5, 1, 0.5), (0, 5, 7, 1, 0.25)]


def test_a_span_may_cost_two_less_sure_ones() -> None:
    assert left([(0, 0, 4, 0, 0.25), (0, 6, 9, 0, 0.5), (0, 3, 7, 1, 0.75)]) == [(0, 3, 7, 1, 0.75)]


def test_a_text_that_one_model_failed_on_keeps_nothing_of_the_others() -> None:
    scored = Scored.blank([None, None, None], 2)
    scored.scores[:], scored.evidence[:] = 0.5, 3
    scored.spans = spans_of([(0, 0, 2, 0, 0.5), (1, 0, 2, 0, 0.5), (2, 0, 2, 0, 0.5)])
    scored.fail(1, "model_error:RuntimeError:names")
    settle(scored, [0, 1])
    assert np.isnan(scored.scores[1]).all() and scored.evidence[1].tolist() == [-1, -1]
    assert scored.spans.texts.tolist() == [0, 2]
    assert np.isfinite(scored.scores[[0, 2]]).all()
