"""Long text: windows, the highest score of all, evidence."""

import numpy as np
import pytest
from inference_helpers import assert_same

from moderation.inference.backend import Predictions
from moderation.inference.chunk import Budget, Chunk
from moderation.inference.moderator import Moderator, Result
from moderation.text.windows import split

PLAIN = [
    "the",
    "you",
    "good",
    "bad",
    "house",
    "river",
    "man",
    "time",
    "day",
    "people",
    "water",
    "work",
    "world",
    "life",
]
SIZE, OVERLAP = 62, 16  # the tiny model's window without [CLS] and [SEP]


def words(count: int, seed: int = 0) -> list[str]:
    """Random words of one token each."""
    return np.random.default_rng(seed).choice(PLAIN, count).tolist()


def piece(chosen: list[str], start: int, end: int) -> tuple[int, int]:
    """Where words `start` to `end` stand in the words joined by spaces."""
    low = len(" ".join([*chosen[:start], ""]))
    return low, low + len(" ".join(chosen[start:end]))


@pytest.mark.parametrize("count", [1, 61, 62, 63, 108, 109, 300])
def test_tokens_and_windows_are_counted(moderator: Moderator, count: int) -> None:
    [result] = moderator.score([" ".join(words(count))])
    assert result.token_count == count
    assert result.window_count == len(split(count, SIZE, OVERLAP))
    assert (result.evidence is None) == (count <= SIZE)


@pytest.mark.parametrize("seed", range(3))
def test_a_label_scores_as_the_highest_of_its_windows_scored_as_texts(moderator: Moderator, seed: int) -> None:
    chosen = words(250, seed)
    text = " ".join(chosen)
    pieces = [piece(chosen, window.start, window.end) for window in split(250, SIZE, OVERLAP)]
    whole, *parts = moderator.score([text, *(text[low:high] for low, high in pieces)])
    for label, score in whole.scores.items():
        assert score == pytest.approx(max(part.scores[label] for part in parts), abs=1e-4)
    best = max(range(len(parts)), key=lambda index: max(parts[index].scores.values()))
    assert whole.evidence == pieces[best]


def test_a_label_scores_as_the_highest_of_its_windows_run_by_hand(moderator: Moderator) -> None:
    text = "😀 Ünïcode, [SEP] 東京 don't xqzwvk 1d10t! " * 12
    engine = moderator.engine
    chunk = Chunk.prepare(engine.members[0].tokenizer, [text], np.zeros(1, np.int64), engine.spec)
    for batch, answer in engine.members[0].backend.run(chunk.batches(Budget(1))):
        assert isinstance(answer, Predictions) and len(batch.windows) == 1
        chunk.accept(batch, answer)
    logits = chunk.logits.astype(np.float64)
    [result] = moderator.score([text])
    assert result.window_count == len(logits) > 3
    assert list(result.scores.values()) == pytest.approx((1 / (1 + np.exp(-logits.max(axis=0)))).tolist(), abs=1e-4)


def owned_entities(parts: list[Result], pieces: list[tuple[int, int]], bounds: list[tuple[int, int]]) -> set[int]:
    """The characters that some part calls an entity within what its window owns."""
    return {
        low + offset
        for part, (low, _), (own_low, own_high) in zip(parts, pieces, bounds, strict=True)
        for entity in part.entities
        for offset in range(entity.start, entity.end)
        if own_low <= low + offset < own_high
    }


def test_a_word_is_an_entity_where_the_window_that_owns_it_says_so(moderator: Moderator) -> None:
    chosen = words(250, 5)
    text, windows = " ".join(chosen), split(250, SIZE, OVERLAP)
    pieces = [piece(chosen, window.start, window.end) for window in windows]
    bounds = [piece(chosen, window.own_start, window.own_end) for window in windows]
    whole, *parts = moderator.score([text, *(text[low:high] for low, high in pieces)])
    found = {index for entity in whole.entities for index in range(entity.start, entity.end) if text[index] != " "}
    expected = owned_entities(parts, pieces, bounds)
    assert found == {index for index in expected if text[index] != " "}


def test_a_long_text_does_not_change_its_short_neighbours(moderator: Moderator) -> None:
    short = ["you", "good day", "the river house"]
    expected = moderator.score(short)
    with_long = moderator.score([short[0], "you " * 400, *short[1:]])
    for mine, wanted in zip([with_long[0], *with_long[2:]], expected, strict=True):
        assert_same(mine, wanted)
