"""Hand-made tags to spans."""

import numpy as np
import pytest
from tokenizers import Tokenizer

from moderation.inference.spans import TagTable, decode
from moderation.inference.tokenise import Places, tokenise

TAGS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
BIOES = ["S-PER", "B-PER", "I-PER", "E-PER", "O", "S-LOC", "B-LOC", "I-LOC", "E-LOC"]
PER, LOC = 0, 1
TABLE = TagTable.of(TAGS, ["PER", "LOC"])
Found = list[tuple[int, str, int]]


def places_of(tokenizer: Tokenizer, texts: list[str]) -> Places:
    """The places of all texts."""
    return tokenise(tokenizer, texts).places(np.arange(len(texts)))


def read(
    tokenizer: Tokenizer, texts: list[str], tags: str, names: list[str] = TAGS, types: tuple[str, ...] = ("PER", "LOC")
) -> Found:
    """Text number, covered text and type of each span; `tags` has one tag for each token of the texts."""
    places = places_of(tokenizer, texts)
    numbers = np.array([names.index(tag) for tag in tags.split()], np.int64)
    assert len(numbers) == len(places.words), places.words
    spans = decode(texts, places, numbers, np.ones(len(numbers), np.float32), TagTable.of(names, types))
    return [(row, texts[row][start:end], kind) for row, start, end, kind, _ in spans.rows()]


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("O O O", []),
        ("B-PER I-PER O", [("anna smith", PER)]),
        ("O O B-LOC", [("paris", LOC)]),
        ("B-PER I-PER I-PER", [("anna smith paris", PER)]),
        ("B-PER B-PER O", [("anna", PER), ("smith", PER)]),
        ("O I-PER I-PER", [("smith paris", PER)]),
        ("I-LOC O I-LOC", [("anna", LOC), ("paris", LOC)]),
        ("B-PER I-LOC O", [("anna", PER), ("smith", LOC)]),
        ("I-PER I-LOC I-PER", [("anna", PER), ("smith", LOC), ("paris", PER)]),
        ("B-PER I-PER B-LOC", [("anna smith", PER), ("paris", LOC)]),
    ],
)
def test_tags_are_read_as_conll_reads_them(tokenizer: Tokenizer, tags: str, expected: list[tuple[str, int]]) -> None:
    assert read(tokenizer, ["anna smith paris"], tags) == [(0, text, kind) for text, kind in expected]


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("S-PER S-PER O", [("anna", PER), ("smith", PER)]),
        ("B-PER E-PER S-LOC", [("anna smith", PER), ("paris", LOC)]),
        ("B-PER I-PER E-PER", [("anna smith paris", PER)]),
        ("B-PER E-PER I-PER", [("anna smith", PER), ("paris", PER)]),
        ("E-PER E-PER O", [("anna", PER), ("smith", PER)]),
        ("S-LOC I-LOC E-LOC", [("anna", LOC), ("smith paris", LOC)]),
        ("O I-PER E-LOC", [("smith", PER), ("paris", LOC)]),
        ("B-PER B-PER E-PER", [("anna", PER), ("smith paris", PER)]),
    ],
)
def test_tags_that_mark_ends_and_single_words_are_read_as_seqeval_reads_them(
    tokenizer: Tokenizer, tags: str, expected: list[tuple[str, int]]
) -> None:
    expected_rows = [(0, text, kind) for text, kind in expected]
    assert read(tokenizer, ["anna smith paris"], tags, BIOES) == expected_rows
    bilou = str.maketrans({"E": "L", "S": "U"})
    renamed = [tag[0].translate(bilou) + tag[1:] for tag in BIOES]
    tags = " ".join(tag[0].translate(bilou) + tag[1:] for tag in tags.split())
    assert read(tokenizer, ["anna smith paris"], tags, renamed) == expected_rows


def test_a_type_that_is_not_reported_reads_as_outside(tokenizer: Tokenizer) -> None:
    found = read(tokenizer, ["anna smith paris"], "B-PER I-PER B-LOC", TAGS, ("LOC",))
    assert found == [(0, "paris", 0)]


def test_two_names_of_one_type_make_one_span(tokenizer: Tokenizer) -> None:
    names = ["O", "B-PER", "I-PER", "B-PER", "I-PER"]  # as PERSON, mapped to PER, leaves them
    places = places_of(tokenizer, ["anna smith paris"])
    spans = decode(["anna smith paris"], places, np.array([1, 4, 3]), np.ones(3), TagTable.of(names, ["PER"]))
    assert [(start, end) for _, start, end, *_ in spans.rows()] == [(0, 10), (11, 16)]


@pytest.mark.parametrize("rest", ["O", "I-PER", "B-LOC", "B-PER"])
def test_a_word_of_several_tokens_takes_the_tag_of_its_first(tokenizer: Tokenizer, rest: str) -> None:
    tokens = len(tokenise(tokenizer, ["xqzwvk"]).ids)
    assert tokens > 1
    rests = f" {rest}" * (tokens - 1)
    assert read(tokenizer, ["xqzwvk here"], f"B-PER{rests} O") == [(0, "xqzwvk", PER)]
    assert read(tokenizer, ["xqzwvk here"], f"O{rests} O") == []


def test_a_span_does_not_cross_into_the_next_text(tokenizer: Tokenizer) -> None:
    found = read(tokenizer, ["in paris", "smith ran", "\x00", "anna"], "O B-PER I-PER O I-PER")
    assert found == [(0, "paris", PER), (1, "smith", PER), (3, "anna", PER)]


def test_the_first_word_of_the_first_text_can_be_inside(tokenizer: Tokenizer) -> None:
    assert read(tokenizer, ["", "paris"], "I-LOC") == [(1, "paris", LOC)]


@pytest.mark.parametrize(
    "word",
    [
        "Jose\u0301",
        "Zoe\u0308\u0301",
        "e\u0301\u20dd",  # an enclosing circle
        "Jose\u0301\u200d",
        "Jose\ufe0f",
    ],
)
def test_marks_that_follow_the_last_character_belong_to_the_span(tokenizer: Tokenizer, word: str) -> None:
    tokens = len(tokenise(tokenizer, [word]).ids)
    tags = " ".join(["B-PER", *["I-PER"] * (tokens - 1), "O"])
    assert read(tokenizer, [f"{word} here"], tags) == [(0, word, PER)]


def test_a_mark_that_is_a_word_of_its_own_belongs_to_one_span_only(tokenizer: Tokenizer) -> None:
    texts = ["東\u093e京"]  # the tokeniser parts the ideograph from the vowel sign behind it
    places = places_of(tokenizer, texts)
    count = len(places.words)
    spans = decode(texts, places, np.ones(count, np.int64), np.ones(count, np.float32), TABLE)
    assert all(end <= start for end, start in zip(spans.ends, spans.starts[1:], strict=False))


def test_a_score_is_the_mean_over_the_words_by_their_first_tokens(tokenizer: Tokenizer) -> None:
    texts = ["anna smith in paris xqzwvk"]
    places = places_of(tokenizer, texts)
    rest = len(places.words) - 5  # tokens of the last word behind its first
    confidence = np.array([0.9, 0.5, 0.1, 0.25, 0.8, *[0.01] * rest], np.float32)
    spans = decode(texts, places, np.array([1, 2, 0, 3, 1, *[2] * rest]), confidence, TABLE)
    assert rest > 0
    assert spans.scores.tolist() == pytest.approx([0.7, 0.25, 0.8])


@pytest.mark.parametrize("texts", [[], [""], ["\x00", ""]])
def test_no_tokens_give_no_spans(tokenizer: Tokenizer, texts: list[str]) -> None:
    assert read(tokenizer, texts, "") == []
