"""Scores and spans of many texts, in blocks, so that somebody who waits sees how far it is."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from moderation.evaluation.progress import progress
from moderation.evaluation.spans import Span
from moderation.inference.engine import Engine

BLOCK = 2000  # texts: seconds on a CPU


@dataclass
class Answers:
    """Scores [texts, labels], NaN where a text was not scored; the spans of each; how often which reason was given."""

    scores: np.ndarray
    spans: list[set[Span]]
    unscored: Counter[str] = field(default_factory=Counter)


def answers(engine: Engine, texts: Sequence[str | None], what: str = "") -> Answers:
    """The engine's answers to all texts, in order; `what` names it to somebody who waits."""
    spans: list[set[Span]] = [set() for _ in texts]
    found = Answers(np.full((len(texts), len(engine.spec.labels)), np.nan, np.float32), spans)
    with progress(what, len(texts)) as advance:
        for low in range(0, len(texts), BLOCK):
            scored = engine.score(texts[low : low + BLOCK])
            found.scores[low : low + BLOCK] = scored.scores
            found.unscored.update(reason for reason in scored.reasons if reason is not None)
            for row, start, end, kind, _ in scored.spans.rows():
                spans[low + row].add((start, end, engine.spec.entity_types[kind]))
            advance(len(scored.reasons))
    return found
