"""Tokenizers of every kind: words, offsets and special tokens in the text."""

from pathlib import Path

import numpy as np
import pytest
from families import MAKERS, tokenizer_text
from hypothesis import given
from hypothesis import strategies as st
from inference_helpers import CHECKS, HOSTILE, texts
from test_spans_properties import EVERY_TAG, TYPES, assert_promises_kept
from tokenizers import Tokenizer

from moderation.inference.spans import TagTable, decode
from moderation.inference.tokenise import tokenise
from moderation.models.load import load_tokenizer, specials
from moderation.text.normalise import without_surrogates

lists = st.lists(texts.map(without_surrogates), max_size=4)
TABLE = TagTable.of(EVERY_TAG, TYPES)
BEGIN = TagTable.of(["O", "B-A", "I-A"], ["A"])


@pytest.fixture(scope="module", params=MAKERS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def trained(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    """A small tokenizer, loaded as a model's is."""
    folder: Path = tmp_path_factory.mktemp(kind)
    (folder / "tokenizer.json").write_text(tokenizer_text(kind), encoding="utf-8")
    return load_tokenizer(folder)


def found_in(tokenizer: Tokenizer, text: str, begins: bool = True) -> list[str]:
    """What is covered by spans when all tokens begin one, or when all go on with one."""
    tokens = tokenise(tokenizer, [text])
    places = tokens.places(np.array([0]))
    count = len(tokens.ids)
    spans = decode([text], places, np.full(count, 1 if begins else 2), np.ones(count), BEGIN)
    return [text[start:end] for _, start, end, *_ in spans.rows()]


@CHECKS
@given(bodies=lists, seed=st.integers(0, 2**32 - 1))
def test_spans_of_random_tags_are_apart_in_order_and_without_outer_whitespace(
    trained: Tokenizer, bodies: list[str], seed: int
) -> None:
    tokens = tokenise(trained, bodies)
    random = np.random.default_rng(seed)
    tags = random.integers(-1, len(EVERY_TAG), len(tokens.ids))
    places = tokens.places(np.arange(len(bodies)))
    assert_promises_kept(bodies, decode(bodies, places, tags, random.random(len(tags)), TABLE))


def test_spans_of_hostile_texts_keep_the_same_promises(trained: Tokenizer) -> None:
    bodies = [without_surrogates(text) for text in HOSTILE]
    tokens = tokenise(trained, bodies)
    places = tokens.places(np.arange(len(bodies)))
    assert_promises_kept(bodies, decode(bodies, places, np.ones(len(tokens.ids), int), np.ones(len(tokens.ids)), BEGIN))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Anna went to Paris.", ["Anna", "went", "to", "Paris", "."]),
        ("  Anna   (Paris), ok", ["Anna", "(", "Paris", ")", ",", "ok"]),
        ("\tAnna\n\nParis ", ["Anna", "Paris"]),
        ("xqzwvk in 1984!", ["xqzwvk", "in", "1984", "!"]),
    ],
)
def test_a_word_is_what_it_is_to_bert_whatever_the_tokenizer(trained: Tokenizer, text: str, words: list[str]) -> None:
    assert found_in(trained, text) == words


@pytest.mark.parametrize("text", ["Anna Smith", "Anna  Smith", "Zoë in İstanbul", "Angela Merkel's"])
def test_a_span_over_all_tokens_is_the_whole_text(trained: Tokenizer, text: str) -> None:
    assert found_in(trained, text, begins=False) == [text]


@pytest.mark.parametrize("text", ["😂", "東京", "½", "ﷺ", "e\u0301"])
def test_a_character_of_many_tokens_is_never_cut(trained: Tokenizer, text: str) -> None:
    assert "".join(found_in(trained, text)) == text


@pytest.mark.parametrize("form", ["{}", "a {} b", "x{}y", "{0}{0}", " {}\n"])
def test_a_special_token_in_a_text_is_no_special_token(trained: Tokenizer, form: str) -> None:
    special = {number for number, token in trained.get_added_tokens_decoder().items() if token.special}
    unknown = trained.token_to_id("[UNK]") if trained.token_to_id("[UNK]") is not None else trained.token_to_id("<unk>")
    for number in special:
        ids = tokenise(trained, [form.format(trained.id_to_token(number))]).ids
        assert len(ids) and not set(ids.tolist()) & (special - {unknown})


def test_the_tokens_around_a_text_are_what_the_tokenizer_puts_there(trained: Tokenizer, kind: str) -> None:
    assert specials(trained) == ((2, 3) if kind == "wordpiece" else (0, 2))
