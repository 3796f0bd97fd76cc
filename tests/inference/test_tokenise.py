"""Texts to tokens: special tokens are only text, and offsets point into the text."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from inference_helpers import CHECKS, HOSTILE, texts
from tokenizers import Tokenizer

from moderation.inference.tokenise import Places, tokenise
from moderation.text.normalise import without_surrogates

lists = st.lists(texts.map(without_surrogates), max_size=6)
SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def places_of(tokenizer: Tokenizer, bodies: list[str]) -> Places:
    """The places of all texts."""
    return tokenise(tokenizer, bodies).places(np.arange(len(bodies)))


@pytest.mark.parametrize("special", SPECIALS)
@pytest.mark.parametrize("form", ["{}", "a {} b", "x{}y", "{0}{0}", " {}\n"])
def test_a_special_token_in_a_text_is_read_as_text(tokenizer: Tokenizer, special: str, form: str) -> None:
    tokens = tokenise(tokenizer, [form.format(special)])
    forbidden = {tokenizer.token_to_id(name) for name in SPECIALS}
    assert not forbidden & set(tokens.ids.tolist())
    assert len(tokens.ids) >= 3  # the brackets and what is in them


def test_no_special_tokens_are_added(tokenizer: Tokenizer) -> None:
    assert tokenise(tokenizer, ["hello world"]).ids.tolist() == [7592, 2088]


def test_tokens_of_one_word_share_its_number(tokenizer: Tokenizer) -> None:
    tokens = tokenise(tokenizer, ["unbelievableness yes"])
    assert len(tokens.ids) > 2
    assert places_of(tokenizer, ["unbelievableness yes"]).words.tolist() == [0] * (len(tokens.ids) - 1) + [1]


def test_texts_without_tokens_have_empty_bounds(tokenizer: Tokenizer) -> None:
    tokens = tokenise(tokenizer, ["", "hi", "\x00", "hi hi"])
    assert tokens.lengths.tolist() == [0, 1, 0, 2]
    assert tokens.bounds.tolist() == [0, 0, 1, 1, 3]


@pytest.mark.parametrize("texts", [[], [""], ["", "\x00"]])
def test_nothing_readable_gives_no_tokens(tokenizer: Tokenizer, texts: list[str]) -> None:
    tokens = tokenise(tokenizer, texts)
    places = tokens.places(np.arange(len(texts)))
    assert len(tokens.ids) == len(places.words) == len(places.starts) == len(places.ends) == 0
    assert tokens.lengths.tolist() == places.lengths.tolist() == [0] * len(texts)


def assert_offsets_fit(tokenizer: Tokenizer, given: str) -> None:
    text = without_surrogates(given)
    tokens = places_of(tokenizer, [text])
    offsets = list(zip(tokens.starts.tolist(), tokens.ends.tolist(), strict=True))
    for start, end in offsets:
        assert 0 <= start < end <= len(text)
        assert text[start:end] == text[start:end].strip()
    for (start, end), (next_start, next_end) in pairwise(offsets):
        assert start <= next_start and end <= next_end
    for index in np.flatnonzero(tokens.words[1:] != tokens.words[:-1]):
        assert tokens.ends[index] <= tokens.starts[index + 1]


@CHECKS
@given(text=texts)
def test_offsets_are_in_bounds_in_order_and_words_do_not_overlap(tokenizer: Tokenizer, text: str) -> None:
    assert_offsets_fit(tokenizer, text)


@pytest.mark.parametrize("text", HOSTILE)
def test_offsets_fit_hostile_texts(tokenizer: Tokenizer, text: str) -> None:
    assert_offsets_fit(tokenizer, text)


def test_offsets_count_code_points_not_bytes_or_utf16_units(tokenizer: Tokenizer) -> None:
    text = "😀😀 é Paris"
    tokens = places_of(tokenizer, [text])
    assert text[tokens.starts[-1] : tokens.ends[-1]] == "Paris"


@CHECKS
@given(text=texts)
def test_a_text_has_the_same_tokens_alone_as_among_others(tokenizer: Tokenizer, text: str) -> None:
    text = without_surrogates(text)
    alone, among = tokenise(tokenizer, [text]), tokenise(tokenizer, ["before it", text, "after it"])
    assert among.ids[among.bounds[1] : among.bounds[2]].tolist() == alone.ids.tolist()
    assert_same_places(among.places(np.array([1])), alone.places(np.array([0])))


@CHECKS
@given(bodies=lists, chosen=st.lists(st.integers(0, 5), max_size=8))
def test_places_of_some_texts_are_those_of_each_one_after_the_other(
    tokenizer: Tokenizer, bodies: list[str], chosen: list[int]
) -> None:
    numbers = np.array([number for number in chosen if number < len(bodies)], np.int64)
    tokens = tokenise(tokenizer, bodies)
    places = tokens.places(numbers)
    assert places.lengths.tolist() == tokens.lengths[numbers].tolist()
    for index, number in enumerate(numbers):
        inside = slice(int(places.bounds[index]), int(places.bounds[index + 1]))
        columns = (column[inside] for column in (places.words, places.starts, places.ends))
        assert_same_places(
            Places(*columns, np.array([0, inside.stop - inside.start])), tokens.places(np.array([number]))
        )


def test_ids_are_small_and_the_rest_counts_in_64_bits(tokenizer: Tokenizer) -> None:
    tokens = tokenise(tokenizer, ["hello world", ""])
    places = tokens.places(np.array([0, 1]))
    assert tokens.ids.dtype == np.int32
    for column in (tokens.bounds, places.words, places.starts, places.ends, places.bounds):
        assert column.dtype == np.int64


def assert_same_places(one: Places, two: Places) -> None:
    for name in ("words", "starts", "ends", "bounds"):
        assert getattr(one, name).tolist() == getattr(two, name).tolist()


def test_words_that_one_character_was_read_as_are_one_word(tokenizer: Tokenizer) -> None:
    bodies = ["\ufdfa Paris", "Rome \ufdfa", "", "\ufdfa"]
    places = tokenise(tokenizer, bodies).places(np.arange(len(bodies)))
    words = [places.words[low:high] for low, high in pairwise(places.bounds.tolist())]
    assert [len(np.unique(found)) for found in words] == [2, 2, 0, 1]
    assert len(words[3]) > 1, "the character is several tokens"
