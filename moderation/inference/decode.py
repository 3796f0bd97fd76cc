"""The network's answers to a chunk, read into scores, evidence and spans of its texts."""

import numpy as np

from moderation.inference.chunk import Chunk
from moderation.inference.probability import probabilities
from moderation.inference.scored import Scored
from moderation.inference.spans import Spans, TagTable, decode
from moderation.inference.tokenise import cumulated
from moderation.models.spec import ModelSpec


def finish(scored: Scored, chunk: Chunk, spec: ModelSpec) -> Spans:
    """Writes a chunk's answers into `scored` and returns its spans.

    Raises nothing: a text whose answers are not finite is failed, with its reason.
    """
    logits = np.where(np.isfinite(chunk.logits), chunk.logits, np.nan)  # an overflow is no confident answer
    read_labels(scored, chunk, probabilities(logits, spec))
    return read_entities(scored, chunk, TagTable.of(spec.tags, spec.entity_types))


def read_labels(scored: Scored, chunk: Chunk, found: np.ndarray) -> None:
    """The highest probability over a text's windows for each label; the window with the highest of all is evidence."""
    rows, tokens = chunk.rows, chunk.tokens
    counts = np.bincount(chunk.windows.owners, minlength=len(rows))
    firsts: list[int] = cumulated(counts).tolist()
    scored.tokens[rows], scored.windows[rows] = tokens.lengths, counts
    for text in np.flatnonzero(counts == 0).tolist():  # nothing but what the tokeniser drops
        scored.reasons[rows[text]] = "no_readable_text"
    answered = np.flatnonzero(counts)
    if not len(answered):
        return
    best = np.maximum.reduceat(found, [firsts[text] for text in answered])  # NaN wins, as it should
    finite = np.isfinite(best).all(axis=1) if best.shape[1] else np.ones(len(answered), bool)
    for text in answered[~finite].tolist():
        chunk.errors.setdefault(text, "scores_not_finite")
    unsure = np.repeat(np.arange(len(rows)), tokens.lengths)[~np.isfinite(chunk.confidence)]
    for text in np.unique(unsure).tolist():
        chunk.errors.setdefault(text, "entities_not_finite")
    scored.scores[rows[answered]] = best
    for text in np.flatnonzero(counts > 1).tolist():
        highest = found[firsts[text] : firsts[text + 1]].max(axis=1, initial=0)
        window = int(firsts[text] + highest.argmax())
        scored.evidence[rows[text]] = evidence(chunk, text, window)
    for text, reason in chunk.errors.items():
        scored.fail(int(rows[text]), reason)
        scored.scores[rows[text]], scored.evidence[rows[text]] = np.nan, -1


def evidence(chunk: Chunk, text: int, window: int) -> tuple[int, int]:
    """Where a window begins and ends in its text."""
    offsets, base = chunk.tokens.encodings[text].offsets, chunk.tokens.bounds[text]
    return offsets[chunk.windows.starts[window] - base][0], offsets[chunk.windows.ends[window] - base - 1][1]


def read_entities(scored: Scored, chunk: Chunk, table: TagTable) -> Spans:
    """The spans of a chunk's texts under their row numbers; a text that failed has none."""
    tokens = chunk.tokens
    tagged = np.unique(np.repeat(np.arange(len(chunk.rows)), tokens.lengths)[table.kinds[chunk.tags] >= 0])
    tagged = tagged[~scored.failed[chunk.rows[tagged]]]
    if not len(tagged):
        return Spans.none()
    lengths = tokens.lengths[tagged]
    own = np.repeat(tokens.bounds[tagged] - cumulated(lengths)[:-1], lengths) + np.arange(lengths.sum())
    texts = [chunk.texts[text] for text in tagged]
    spans = decode(texts, tokens.places(tagged), chunk.tags[own], chunk.confidence[own], table)
    return Spans(chunk.rows[tagged][spans.texts], spans.starts, spans.ends, spans.types, spans.scores)
