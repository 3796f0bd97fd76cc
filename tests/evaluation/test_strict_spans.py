"""Strict spans: what counts as right."""

import numpy as np
import pytest

from moderation.evaluation.spans import gold_spans, span_counts, span_reports

GOLD = [{(0, 4, "PER"), (8, 12, "LOC")}, {(0, 6, "ORG")}, set()]
FOUND = [{(0, 4, "PER"), (8, 11, "LOC")}, {(0, 6, "PER")}, {(3, 5, "MISC")}]


def test_bounds_and_type_must_all_be_right() -> None:
    reports = {
        one.type: one for one in span_reports(span_counts(GOLD, FOUND, ["PER", "ORG", "LOC"]), ["PER", "ORG", "LOC"])
    }
    whole = reports["all"]
    assert (whole.gold, whole.found, whole.right) == (3, 3, 1)
    assert [one.value for one in (whole.precision, whole.recall, whole.f1)] == pytest.approx([1 / 3, 1 / 3, 1 / 3])
    assert (reports["PER"].precision.value, reports["PER"].recall.value) == (0.5, 1)
    assert reports["LOC"].f1.value == reports["ORG"].f1.value == 0


def test_types_that_are_not_looked_for_count_neither_way() -> None:
    counts = span_counts(GOLD, FOUND, ["PER"])
    assert counts.sum(0).tolist() == [[1, 2, 1]]


def test_intervals_hold_the_figure_and_narrow_with_more_sentences() -> None:
    random = np.random.default_rng(4)
    gold = random.integers(0, 3, (4000, 1))
    counts = np.stack([gold, gold, random.binomial(gold, 0.7)], axis=-1)
    few, many = (span_reports(part, ["PER"])[0].f1 for part in (counts[:200], counts))
    for found in (few, many):
        assert found.low < 0.7 < found.high
    assert many.high - many.low < (few.high - few.low) / 3


def test_no_sentence_with_an_entity_gives_zeros_and_no_nan() -> None:
    found = span_reports(np.zeros((5, 2, 3), np.int64), ["PER", "LOC"])
    assert {(one.f1.value, one.f1.low, one.f1.high) for one in found} == {(0, 0, 0)}


def test_an_inside_tag_that_continues_nothing_begins_a_span() -> None:
    assert gold_spans(["a", "b", "c"], ["I-PER", "I-LOC", "I-LOC"]) == {(0, 1, "PER"), (2, 5, "LOC")}
