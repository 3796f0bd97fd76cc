"""Tokenised texts with their windows."""

from hypothesis import given
from hypothesis import strategies as st
from inference_helpers import CHECKS, texts
from tokenizers import Tokenizer

from moderation.inference.windowed import cut
from moderation.text.normalise import without_surrogates
from moderation.text.windows import split

SIZE, OVERLAP = 12, 4
lists = st.lists(texts.map(without_surrogates), max_size=6)


@CHECKS
@given(bodies=lists)
def test_each_text_has_the_windows_that_its_length_asks_for(tokenizer: Tokenizer, bodies: list[str]) -> None:
    windowed = cut(tokenizer, bodies, SIZE, OVERLAP)
    counts = [len(split(length, SIZE, OVERLAP)) for length in windowed.tokens.lengths.tolist()]
    assert [len(numbers) for numbers in windowed.windows_of_texts()] == counts
    assert len(windowed.windows) == len(windowed.owners) == sum(counts)


@CHECKS
@given(bodies=lists)
def test_windows_lie_within_their_text_and_own_each_of_its_tokens_once(tokenizer: Tokenizer, bodies: list[str]) -> None:
    windowed = cut(tokenizer, bodies, SIZE, OVERLAP)
    bounds = windowed.tokens.bounds.tolist()
    for row, numbers in enumerate(windowed.windows_of_texts()):
        windows = [windowed.windows[number] for number in numbers]
        assert {int(windowed.owners[number]) for number in numbers} <= {row}
        assert all(bounds[row] <= window.start < window.end <= bounds[row + 1] for window in windows)
        owned = [token for window in windows for token in range(window.own_start, window.own_end)]
        assert owned == list(range(bounds[row], bounds[row + 1]))


@CHECKS
@given(bodies=lists)
def test_lengths_are_those_of_the_windows(tokenizer: Tokenizer, bodies: list[str]) -> None:
    windowed = cut(tokenizer, bodies, SIZE, OVERLAP)
    assert windowed.lengths.tolist() == [window.end - window.start for window in windowed.windows]
    assert all(0 < length <= SIZE for length in windowed.lengths)


def test_texts_without_tokens_have_no_windows_wherever_they_stand(tokenizer: Tokenizer) -> None:
    windowed = cut(tokenizer, ["", "one two", "\x00", "three", ""], SIZE, OVERLAP)
    assert [list(numbers) for numbers in windowed.windows_of_texts()] == [[], [0], [], [1], []]


def test_no_texts_no_windows(tokenizer: Tokenizer) -> None:
    windowed = cut(tokenizer, [], SIZE, OVERLAP)
    assert windowed.windows == [] and windowed.windows_of_texts() == []
