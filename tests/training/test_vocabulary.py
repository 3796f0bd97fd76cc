"""Emoji and fancy letters: tokens of their own, words that stay readable, offsets that stay exact."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.models.base import WORDS, load_base
from moderation.models.spec import ModelSpec
from moderation.training.vocabulary import symbols, widen, widened

SPEC = ModelSpec(labels=("offensive",), thresholds={"offensive": 0.5})
FANCY = "idiot😂 👍🏽🇩🇪❤️‍🔥 ｉｄｉｏｔ 𝒊𝒅𝒊𝒐𝒕 ½ ﬁ ™ ªé\u0301\u200d日本 ﾊ"


@pytest.fixture(scope="module")
def tokenizer():
    from moderation.models.base import minilm_folder
    from moderation.models.load import load_tokenizer

    return widen(load_tokenizer(minilm_folder()))[0]


def tokens(tokenizer, text: str) -> list[str]:
    return tokenizer.encode(text, add_special_tokens=False).tokens


@pytest.mark.parametrize(
    "text", ["you idiot😂", "you 😂idiot", "you idiot 👍🏽", "you ｉｄｉｏｔ", "you 𝒊𝒅𝒊𝒐𝒕", "you idiot™"]
)
def test_a_word_beside_a_symbol_or_in_fancy_letters_is_still_that_word(tokenizer, text) -> None:
    assert {"you", "idiot"} <= set(tokens(tokenizer, text))
    assert "[UNK]" not in tokens(tokenizer, text)


def test_plain_text_is_tokenised_as_before(tokenizer) -> None:
    from moderation.models.base import minilm_folder
    from moderation.models.load import load_tokenizer

    text = "Don't tell O'Brien: it's 5€, café, <3 [SEP] and “so on”; naïve."
    assert tokens(tokenizer, text) == tokens(load_tokenizer(minilm_folder()), text)


@given(st.text(st.one_of(st.characters(codec="utf-8"), st.sampled_from(FANCY)), max_size=60))
def test_offsets_stay_inside_the_text_and_in_order(tokenizer, text) -> None:
    offsets = tokenizer.encode(text, add_special_tokens=False).offsets
    assert all(0 <= start < end <= len(text) for start, end in offsets)
    assert [start for start, _ in offsets] == sorted(start for start, _ in offsets)


def test_a_new_tokens_vector_begins_as_the_mean_of_its_names_word_pieces() -> None:
    plain, wide = load_base("minilm"), widened(load_base("minilm"))
    before, after = (base.network(SPEC).encoder.state_dict()[WORDS].numpy() for base in (plain, wide))
    assert len(after) == len(before) + len(wide.added) == wide.tokenizer.get_vocab_size() == wide.config.vocab_size
    assert np.array_equal(after[: len(before)], before)
    number = wide.tokenizer.token_to_id("😂")
    pieces = plain.tokenizer.encode("face with tears of joy", add_special_tokens=False).ids
    assert np.allclose(after[number], before[pieces].mean(0), atol=1e-6)


def test_the_symbols_are_each_one_character_and_named_once() -> None:
    found = symbols()
    assert len(set(found)) == len(found) > 1000 and all(len(symbol) == 1 for symbol in found)
