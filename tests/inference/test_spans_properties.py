"""Spans of random tags over random texts keep what is promised of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from inference_helpers import CHECKS, HOSTILE, texts
from tokenizers import Tokenizer

from moderation.inference.spans import Spans, TagTable, decode
from moderation.inference.tokenise import Places, tokenise
from moderation.text.normalise import without_surrogates

TYPES = ["A", "B", "C", "D"]
EVERY_TAG = ["O", *(f"{part}-{name}" for name in [*TYPES, "unreported"] for part in "BIES")]
lists = st.lists(texts.map(without_surrogates), max_size=6)
seeds = st.integers(0, 2**32 - 1)
tables = st.lists(st.sampled_from(EVERY_TAG), min_size=1, max_size=12).map(lambda tags: TagTable.of(tags, TYPES))
BEGIN = TagTable.of(["O", "B-A"], ["A"])


def places_of(tokenizer: Tokenizer, bodies: list[str]) -> Places:
    """The places of all texts."""
    return tokenise(tokenizer, bodies).places(np.arange(len(bodies)))


def random_spans(tokenizer: Tokenizer, bodies: list[str], seed: int, table: TagTable) -> Spans:
    random = np.random.default_rng(seed)
    places = places_of(tokenizer, bodies)
    tags = random.integers(-1, len(table.kinds) - 1, len(places.words))
    return decode(bodies, places, tags, random.random(len(tags), np.float32), table)


def assert_promises_kept(bodies: list[str], spans: Spans) -> None:
    ends: dict[int, int] = {}
    order = [row for row, *_ in spans.rows()]
    assert order == sorted(order)
    for row, start, end, kind, score in spans.rows():
        covered = bodies[row][start:end]
        assert 0 <= start < end <= len(bodies[row])
        assert covered and covered == covered.strip()
        assert start >= ends.get(row, 0), "spans of a text are in order and do not overlap"
        assert 0 <= kind < len(TYPES)
        assert 0 <= score <= 1
        ends[row] = end


@CHECKS
@given(bodies=lists, seed=seeds, table=tables)
def test_spans_are_in_bounds_in_order_apart_and_without_outer_whitespace(
    tokenizer: Tokenizer, bodies: list[str], seed: int, table: TagTable
) -> None:
    assert_promises_kept(bodies, random_spans(tokenizer, bodies, seed, table))


@pytest.mark.parametrize("seed", range(3))
def test_spans_of_hostile_texts_keep_the_same_promises(tokenizer: Tokenizer, seed: int) -> None:
    bodies = [without_surrogates(text) for text in HOSTILE]
    assert_promises_kept(bodies, random_spans(tokenizer, bodies, seed, TagTable.of(EVERY_TAG, TYPES)))


@CHECKS
@given(bodies=lists, seed=seeds, table=tables)
def test_spans_of_a_text_do_not_depend_on_the_texts_around_it(
    tokenizer: Tokenizer, bodies: list[str], seed: int, table: TagTable
) -> None:
    places = places_of(tokenizer, bodies)
    random = np.random.default_rng(seed)
    tags = random.integers(0, len(table.kinds) - 1, len(places.words))
    together = list(decode(bodies, places, tags, np.ones(len(tags)), table).rows())
    for row, body in enumerate(bodies):
        mine = tags[places.bounds[row] : places.bounds[row + 1]]
        alone = decode([body], places_of(tokenizer, [body]), mine, np.ones(len(mine)), table)
        assert [found[1:] for found in alone.rows()] == [found[1:] for found in together if found[0] == row]


@CHECKS
@given(bodies=lists)
def test_all_outside_gives_nothing_and_all_begin_gives_every_word(tokenizer: Tokenizer, bodies: list[str]) -> None:
    places = places_of(tokenizer, bodies)
    ones = np.ones(len(places.words), np.int64)
    words = {
        (row, int(word))
        for row, (low, high) in enumerate(zip(places.bounds, places.bounds[1:], strict=False))
        for word in places.words[low:high]
    }
    assert not list(decode(bodies, places, 0 * ones, ones, BEGIN).rows())
    assert len(list(decode(bodies, places, ones, ones, BEGIN).rows())) == len(words)


@CHECKS
@given(table=tables, numbers=st.lists(st.integers(0, 11), max_size=12))
def test_spans_of_any_tags_are_those_that_a_plain_reading_finds(
    tokenizer: Tokenizer, table: TagTable, numbers: list[int]
) -> None:
    tags = np.array([number % (len(table.kinds) - 1) for number in numbers], np.int64)
    body = " ".join(["word"] * len(tags))
    found = decode([body], places_of(tokenizer, [body]), tags, np.ones(len(tags)), table)
    expected: list[list[int]] = []
    before = -1  # the type of a span that may go on
    for word, tag in enumerate(tags):
        kind = int(table.kinds[tag])
        if kind >= 0 and (kind != before or table.begins[tag]):
            expected.append([word, word, kind])
        elif kind >= 0:
            expected[-1][1] = word
        before = -1 if table.ends[tag] else kind
    assert [(s // 5, e // 5, k) for _, s, e, k, _ in found.rows()] == [tuple(row) for row in expected]
