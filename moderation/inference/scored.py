"""The engine's answers, column by column."""

from dataclasses import dataclass, field
from typing import Self

import numpy as np

from moderation.inference.spans import Spans
from moderation.inference.work import Work


@dataclass
class Scored:
    """Answers for a list of texts; row i answers for text i.

    `reasons` says why a row was not scored and `failed` whether that was the model's fault; `scores` is float32
    [texts, labels], NaN unless scored; `evidence` is int64 [texts, 2], -1 where one window was enough; `spans` are in
    the order of the texts, whose row numbers they hold; `work` is what it took.
    """

    reasons: list[str | None]
    failed: np.ndarray
    scores: np.ndarray
    evidence: np.ndarray
    tokens: np.ndarray
    windows: np.ndarray
    spans: Spans = field(default_factory=Spans.none)
    work: Work = field(default_factory=Work)

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
        )

    def status(self, row: int) -> str:
        """`scored`, `skipped` or `failed`."""
        return "scored" if self.reasons[row] is None else "failed" if self.failed[row] else "skipped"

    def fail(self, row: int, reason: str) -> None:
        """Marks a row as failed."""
        self.reasons[row], self.failed[row] = reason, True

    def copy(self, other: "Scored", sources: np.ndarray, targets: np.ndarray) -> Spans:
        """Gives the rows `targets` the answers that `sources` have in `other`; returns their spans."""
        for row, source in zip(targets.tolist(), sources.tolist(), strict=True):
            self.reasons[row] = other.reasons[source]
        for name in ("failed", "scores", "evidence", "tokens", "windows"):
            getattr(self, name)[targets] = getattr(other, name)[sources]
        return other.spans.of(sources, targets)
