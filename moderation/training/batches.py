"""Batches of examples of similar length."""

from collections.abc import Iterator

import numpy as np

from moderation.inference.batches import rows_within


def token_budget_batches(lengths: np.ndarray, budget: int) -> Iterator[np.ndarray]:
    """Yields index arrays that cover `lengths` once, longest first, each at most `budget` tokens when padded."""
    order = np.argsort(-lengths, kind="stable")
    while len(order):
        rows = rows_within(lengths[order], budget)
        yield order[:rows]
        order = order[rows:]


def pad(rows: list[np.ndarray], width: int, value: int = 0) -> np.ndarray:
    """Stacks rows into one array [rows, width], int64, filled up on the right."""
    padded = np.full((len(rows), width), value, np.int64)
    for target, row in zip(padded, rows, strict=True):
        target[: len(row)] = row
    return padded
