"""What an attribution explains: one window of each text, its token ids and where its words stand."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from moderation.inference.chunk import Chunk

Scores = Callable[[list[np.ndarray], list[int]], np.ndarray]  # rows of ids and an output for each, to log-odds


@dataclass(frozen=True)
class Case:
    """One window of one text with its special tokens, and the number of the label's output.

    `words` numbers the word of each token but the special ones from 0 on; `spans` is where those words stand in the
    text, in code points.
    """

    ids: np.ndarray
    words: np.ndarray
    spans: list[tuple[int, int]]
    output: int


def cases_of(chunk: Chunk, outputs: Sequence[int], scores: Scores) -> dict[int, Case]:
    """Number of a text → the window in which its output scores highest; texts without tokens have none."""
    places = chunk.tokens.places(np.arange(len(chunk.texts)))
    found = {}
    for text, windows in enumerate(windows_of(chunk)):
        if windows:
            window = best_window(chunk, windows, outputs[text], scores)
            tokens = slice(int(chunk.windows.starts[window]), int(chunk.windows.ends[window]))
            _, words = np.unique(places.words[tokens], return_inverse=True)
            spans = word_spans(words, places.starts[tokens], places.ends[tokens])
            found[text] = Case(window_ids(chunk, window), words, spans, outputs[text])
    return found


def windows_of(chunk: Chunk) -> list[range]:
    """The numbers of the windows of each text."""
    bounds = np.searchsorted(chunk.windows.owners, np.arange(len(chunk.texts) + 1)).tolist()
    return [range(low, high) for low, high in pairwise(bounds)]


def best_window(chunk: Chunk, windows: range, output: int, scores: Scores) -> int:
    """The window that gave the text its score; the only one is not asked."""
    if len(windows) == 1:
        return windows[0]
    rows = [window_ids(chunk, window) for window in windows]
    return windows[int(np.argmax(scores(rows, [output] * len(rows))))]


def window_ids(chunk: Chunk, window: int) -> np.ndarray:
    """A window's token ids between the special ones."""
    first, last = chunk.specials
    tokens = chunk.tokens.ids[chunk.windows.starts[window] : chunk.windows.ends[window]]
    return np.concatenate([[first], tokens, [last]]).astype(np.int64)


def word_spans(words: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> list[tuple[int, int]]:
    """Where each word begins and ends in the text; `words` rise and leave out no number."""
    firsts = np.flatnonzero(np.diff(words, prepend=-1))
    lows, highs = np.minimum.reduceat(starts, firsts), np.maximum.reduceat(ends, firsts)
    return list(zip(lows.tolist(), highs.tolist(), strict=True))


def groups(cases: dict[int, Case], budget: int) -> Iterator[dict[int, Case]]:
    """The cases, longest first, in groups of at most `budget` padded tokens; one that is longer goes alone."""
    group: dict[int, Case] = {}
    width = 0
    for number in sorted(cases, key=lambda number: -len(cases[number].ids)):
        if group and (len(group) + 1) * width > budget:
            yield group
            group = {}
        width = width if group else len(cases[number].ids)
        group[number] = cases[number]
    if group:
        yield group
