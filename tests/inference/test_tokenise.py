"""Texts to tokens: special tokens are only text, and offsets point into the text."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from inference_helpers import CHECKS, HOSTILE, texts
from tokenizers import Tokenizer

from moderation.inference.tokenise import tokenise
from moderation.text.normalise import without_surrogates

SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


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
    assert tokens.words.tolist() == [0] * (len(tokens.ids) - 1) + [1]


def test_texts_without_tokens_have_empty_bounds(tokenizer: Tokenizer) -> None:
    tokens = tokenise(tokenizer, ["", "hi", "\x00", "hi hi"])
    assert tokens.lengths.tolist() == [0, 1, 0, 2]
    assert tokens.bounds.tolist() == [0, 0, 1, 1, 3]


@pytest.mark.parametrize("texts", [[], [""], ["", "\x00"]])
def test_nothing_readable_gives_no_tokens(tokenizer: Tokenizer, texts: list[str]) -> None:
    tokens = tokenise(tokenizer, texts)
    assert len(tokens.ids) == len(tokens.words) == len(tokens.starts) == len(tokens.ends) == 0
    assert tokens.lengths.tolist() == [0] * len(texts)


def assert_offsets_fit(tokenizer: Tokenizer, given: str) -> None:
    text = without_surrogates(given)
    tokens = tokenise(tokenizer, [text])
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
    tokens = tokenise(tokenizer, [text])
    assert text[tokens.starts[-1] : tokens.ends[-1]] == "Paris"


@CHECKS
@given(text=texts)
def test_a_text_has_the_same_tokens_alone_as_among_others(tokenizer: Tokenizer, text: str) -> None:
    text = without_surrogates(text)
    alone, among = tokenise(tokenizer, [text]), tokenise(tokenizer, ["before it", text, "after it"])
    inside = slice(int(among.bounds[1]), int(among.bounds[2]))
    assert among.ids[inside].tolist() == alone.ids.tolist()
    assert among.starts[inside].tolist() == alone.starts.tolist()
    assert among.words[inside].tolist() == alone.words.tolist()
