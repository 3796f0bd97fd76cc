"""Huge and hostile texts: an answer for each, in its row, at a cost that grows no faster than the text."""

from itertools import pairwise

import pytest
from inference_helpers import assert_same, spans

from moderation.inference.moderator import Moderator
from moderation.text.windows import split

SIZE, OVERLAP = 62, 16  # the tiny model's window without [CLS] and [SEP]
MEGABYTE = 1_000_000
HUGE = {
    "one endless word": ("x" * MEGABYTE, "scored"),
    "a megabyte of emoji": ("🔥" * (MEGABYTE // 4), "scored"),
    "nothing but NUL": ("\x00" * MEGABYTE, "skipped"),
    "nothing but controls": ("\x01\x07\x1b\x7f" * (MEGABYTE // 4), "skipped"),
    "nothing but spaces": (" " * MEGABYTE, "skipped"),
    "nothing but lone surrogates": ("\ud800" * MEGABYTE, "skipped"),
    "nothing but zero-width joiners": ("\u200d" * (MEGABYTE // 3), "skipped"),
    "a letter under a million accents": ("a" + "\u0301" * MEGABYTE, "scored"),
    "a million spaces around a word": (" " * 500_000 + "hi" + "\n" * 500_000, "scored"),
    "many tokens": ("a b " * 5_000, "scored"),
    "surrogates between words": ("you \udfff " * 3_000, "scored"),
    "only punctuation": ("!" * 10_000, "scored"),
    "only ideographs": ("中" * 10_000, "scored"),
}


@pytest.mark.parametrize("name", HUGE)
def test_a_huge_text_is_answered_and_its_neighbours_too(moderator: Moderator, name: str) -> None:
    text, status = HUGE[name]
    before, huge, after = moderator.score(["Paris", text, "hello you"])
    assert huge.status == status
    assert huge.window_count == len(split(huge.token_count, SIZE, OVERLAP))
    assert all(text[start:end] == covered for start, end, _, covered in spans(huge))
    for mine, alone in zip((before, after), moderator.score(["Paris", "hello you"]), strict=True):
        assert_same(mine, alone)


@pytest.mark.slow
def test_a_megabyte_of_words_is_answered(moderator: Moderator) -> None:
    text = "you idiot " * (MEGABYTE // 10)
    huge, neighbour = moderator.score([text, "hello you"])
    assert (huge.status, huge.token_count) == ("scored", MEGABYTE // 5)
    assert huge.evidence is not None and len(text[slice(*huge.evidence)]) < 10 * SIZE
    assert_same(neighbour, moderator.score(["hello you"])[0])


@pytest.mark.parametrize("piece", ["x", "🔥", "you ", "\x00", "中", "a\u0301", "\ud83d\ude00", "!? "])
def test_the_tokens_that_the_model_runs_on_grow_no_faster_than_the_text(moderator: Moderator, piece: str) -> None:
    costs = [moderator.engine.score([piece * count]).work.padded_tokens for count in (500, 1000, 2000, 4000)]
    for half, whole in pairwise(costs):
        assert whole <= 2.2 * half + 2 * SIZE
    assert costs[-1] <= (SIZE + 2) * (1 + 4000 * len(piece) / (SIZE - OVERLAP))


@pytest.mark.parametrize("texts", [[], [None], [""], ["\ud800"], ["\x00"], [None, "\x00", None]])
def test_lists_with_nothing_to_read_are_answered_row_by_row(moderator: Moderator, texts: list[str | None]) -> None:
    results = moderator.score(texts)
    assert [result.status for result in results] == ["skipped"] * len(texts)
    assert moderator.engine.score(texts).work.padded_tokens == 0


def test_each_answer_belongs_to_its_row_among_huge_texts(moderator: Moderator) -> None:
    texts = [None, "you " * 2000, "you", "\x00" * 5000, "Paris " * 700, "", "Paris", "x" * 50_000, "\ud800 idiot"]
    for text, result in zip(texts, moderator.score(texts), strict=True):
        assert_same(result, moderator.score([text])[0])


def test_padding_and_windows_are_counted(moderator: Moderator) -> None:
    work = moderator.engine.score(["you", "you you you", "you " * 100, None, "[deleted]"]).work
    windows = len(split(100, SIZE, OVERLAP)) + 2
    width = len(split(100, SIZE, OVERLAP)), split(100, SIZE, OVERLAP)[0].end
    assert (work.texts, work.windows) == (5, windows)
    assert work.computed_tokens == 3 + 5 + width[0] * (width[1] + 2)
    assert work.padded_tokens == windows * (width[1] + 2)
    pairs = 3**2 + 5**2 + width[0] * (width[1] + 2) ** 2
    assert work.operations == moderator.engine.source.shape.operations(work.computed_tokens, pairs)
    assert work.padding_waste == 1 - work.computed_tokens / work.padded_tokens
    assert min(work.tokenise_seconds, work.model_seconds, work.decode_seconds) > 0
