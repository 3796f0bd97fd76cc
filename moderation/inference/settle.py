"""What several models said of the same texts, made one answer."""

from bisect import bisect

import numpy as np

from moderation.inference.scored import Scored
from moderation.inference.spans import NAMES, Spans


def settle(scored: Scored, rows: list[int]) -> None:
    """Takes back the answers to texts that one of the models did not answer, and has overlapping spans give way.

    `rows` are those that the models were asked about.
    """
    unanswered = np.array([row for row in rows if scored.reasons[row] is not None], np.int64)
    scored.scores[unanswered], scored.evidence[unanswered] = np.nan, -1
    kept = chosen(scored.spans, ~np.isin(scored.spans.texts, unanswered))
    scored.spans = chosen(kept, winners(kept))


def winners(spans: Spans) -> np.ndarray:
    """Which spans stay where they overlap: those of higher score, and of equal ones the earlier, as models are ordered.

    The result numbers them in text order, and in each text from its beginning to its end.
    """
    strongest = np.lexsort((np.arange(len(spans.texts)), -spans.scores, spans.texts))
    texts, starts, ends = (column.tolist() for column in (spans.texts, spans.starts, spans.ends))
    kept: list[int] = []
    taken: list[tuple[int, int]] = []  # the places that the kept spans of a text take, in order
    text = -1
    for span in strongest.tolist():
        if texts[span] != text:
            text, taken = texts[span], []
        place = bisect(taken, (ends[span], -1))  # those before it begin before this span ends
        if not place or taken[place - 1][1] <= starts[span]:
            taken.insert(place, (starts[span], ends[span]))
            kept.append(span)
    found = np.array(kept, np.int64)
    return found[np.lexsort((spans.starts[found], spans.texts[found]))]


def chosen(spans: Spans, which: np.ndarray) -> Spans:
    """Some of the spans, by number or by mask."""
    return Spans(*(getattr(spans, name)[which] for name in NAMES))
