"""Batches of similar length, filled to a budget of padded tokens."""

from collections.abc import Iterator

import numpy as np


def token_budget_batches(lengths: np.ndarray, budget: int) -> Iterator[np.ndarray]:
    """Yields index arrays that cover `lengths` once, longest first, each at most `budget` tokens when padded.

    A row longer than the budget makes a batch of its own. Longest first: memory peaks at once or not at all.
    """
    order = np.argsort(-lengths, kind="stable")
    position = 0
    while position < len(order):
        rows = max(1, budget // max(1, int(lengths[order[position]])))
        yield order[position : position + rows]
        position += rows


def pad(rows: list[np.ndarray], width: int, value: int = 0) -> np.ndarray:
    """Stacks rows of token ids into one array [rows, width], filled up on the right."""
    padded = np.full((len(rows), width), value, np.int64)
    for target, row in zip(padded, rows, strict=True):
        target[: len(row)] = row
    return padded
