"""The engine's answers, column by column."""

from dataclasses import dataclass, field
from typing import Self

import numpy as np

from moderation.inference.spans import Spans


@dataclass
class Scored:
    """Answers for a list of texts; row i answers for text i.

    `reasons` says why a row was not scored and `failed` whether that was the model's fault; `scores` is float32
    [texts, labels], NaN unless scored; `evidence` is int64 [texts, 2], -1 where one window was enough; `padded` counts
    the tokens computed for the row, padding included; `spans` are in pieces, whose `texts` hold row numbers.
    """

    reasons: list[str | None]
    failed: np.ndarray
    scores: np.ndarray
    evidence: np.ndarray
    tokens: np.ndarray
    windows: np.ndarray
    padded: np.ndarray
    spans: list[Spans] = field(default_factory=list)

    @classmethod
    def blank(cls, reasons: list[str | None], labels: int) -> Self:
        """Answers that are still to be given, but for the rows that have a reason already."""
        count = len(reasons)
        return cls(
            reasons,
            failed=np.zeros(count, bool),
            scores=np.full((count, labels), np.nan, np.float32),
            evidence=np.full((count, 2), -1, np.int64),
            tokens=np.zeros(count, np.int64),
            windows=np.zeros(count, np.int64),
            padded=np.zeros(count, np.int64),
        )

    def status(self, row: int) -> str:
        """`scored`, `skipped` or `failed`."""
        return "scored" if self.reasons[row] is None else "failed" if self.failed[row] else "skipped"

    def fail(self, row: int, reason: str) -> None:
        """Marks a row as failed."""
        self.reasons[row], self.failed[row] = reason, True
