"""Batches of similar length, filled to a budget of padded tokens."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Batch:
    """Windows that are run together: token ids [rows, width], padded on the right with 0, and the rows' lengths.

    `windows` are the windows' numbers in their chunk, and `chunk` whose they are; a backend looks at neither.
    """

    ids: np.ndarray
    lengths: np.ndarray
    windows: np.ndarray
    chunk: object = None

    def halves(self) -> "Iterator[Batch]":
        """The batch in two, each as wide as it needs to be."""
        middle = len(self.windows) // 2
        for part in (slice(None, middle), slice(middle, None)):
            lengths = self.lengths[part]
            yield Batch(self.ids[part, : lengths.max()], lengths, self.windows[part], self.chunk)


def rows_within(lengths: np.ndarray, budget: int) -> int:
    """How many of the rows, longest first, make a batch of at most `budget` padded tokens; never less than one."""
    return max(1, budget // max(1, int(lengths[0])))


def padded(tokens: np.ndarray, starts: np.ndarray, lengths: np.ndarray, first: int, last: int) -> np.ndarray:
    """Rows [rows, width] of `lengths` that hold `first`, the tokens from `starts` on, `last`, and zeros."""
    columns = np.arange(int(lengths.max()))
    inner = (columns > 0) & (columns < lengths[:, None] - 1)
    rows = np.zeros(inner.shape, np.int64)
    rows[inner] = tokens[(starts[:, None] + columns - 1)[inner]]
    rows[:, 0] = first
    rows[np.arange(len(rows)), lengths - 1] = last
    return rows
