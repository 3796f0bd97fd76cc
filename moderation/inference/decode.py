"""The network's answers to a chunk, read into scores, evidence and spans of its texts."""

import numpy as np

from moderation.inference.chunk import Chunk
from moderation.inference.member import Member
from moderation.inference.probability import probabilities
from moderation.inference.scored import Scored
from moderation.inference.spans import Spans, TagTable, decode
from moderation.inference.tokenise import cumulated


def finish(scored: Scored, chunk: Chunk, member: Member) -> Spans:
    """Writes a model's answers to a chunk into its columns of `scored` and returns its spans.

    Raises nothing: a text whose answers are not finite is failed, with its reason.
    """
    logits = np.where(np.isfinite(chunk.logits), chunk.logits, np.nan)  # an overflow is no confident answer
    read_labels(scored, chunk, probabilities(logits, member.source.spec), member)
    return read_entities(scored, chunk, member)


def read_labels(scored: Scored, chunk: Chunk, found: np.ndarray, member: Member) -> None:
    """The highest probability over a text's windows for each label, and the evidence; counts are of the first model."""
    rows, tokens = chunk.rows, chunk.tokens
    counts = np.bincount(chunk.windows.owners, minlength=len(rows))
    firsts: list[int] = cumulated(counts).tolist()
    if member.number == 0:
        scored.tokens[rows], scored.windows[rows] = tokens.lengths, counts
    for text in np.flatnonzero(counts == 0).tolist():  # nothing but what the tokeniser drops
        scored.reasons[rows[text]] = scored.reasons[rows[text]] or "no_readable_text"
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
    scored.scores[rows[answered], member.columns] = best
    read_evidence(scored, chunk, found, member.columns)
    for text, reason in chunk.errors.items():
        if scored.reasons[rows[text]] is None:
            scored.fail(int(rows[text]), member.blame(reason))
        scored.scores[rows[text]], scored.evidence[rows[text]] = np.nan, -1


def read_evidence(scored: Scored, chunk: Chunk, found: np.ndarray, columns: slice) -> None:
    """The window with the highest probability of all, where no earlier model has a higher one; none where this model
    needed one window only, or gives no label."""
    scores = scored.scores[chunk.rows]
    higher = scores[:, columns].max(axis=1, initial=-1) > scores[:, : columns.start].max(axis=1, initial=-1)
    scored.evidence[chunk.rows[higher]] = -1
    counts = np.bincount(chunk.windows.owners, minlength=len(chunk.rows))
    firsts: list[int] = cumulated(counts).tolist()
    for text in np.flatnonzero(higher & (counts > 1)).tolist():
        highest = found[firsts[text] : firsts[text + 1]].max(axis=1)
        scored.evidence[chunk.rows[text]] = evidence(chunk, text, int(firsts[text] + highest.argmax()))


def evidence(chunk: Chunk, text: int, window: int) -> tuple[int, int]:
    """Where a window begins and ends in its text."""
    offsets, base = chunk.tokens.encodings[text].offsets, chunk.tokens.bounds[text]
    return offsets[chunk.windows.starts[window] - base][0], offsets[chunk.windows.ends[window] - base - 1][1]


def read_entities(scored: Scored, chunk: Chunk, member: Member) -> Spans:
    """The spans of a chunk's texts under their row numbers; a text that failed has none."""
    table = TagTable.of(member.source.spec.tags, member.source.spec.entity_types)
    tokens = chunk.tokens
    tagged = np.unique(np.repeat(np.arange(len(chunk.rows)), tokens.lengths)[table.kinds[chunk.tags] >= 0])
    tagged = tagged[~scored.failed[chunk.rows[tagged]]]
    if not len(tagged):
        return Spans.none()
    lengths = tokens.lengths[tagged]
    own = np.repeat(tokens.bounds[tagged] - cumulated(lengths)[:-1], lengths) + np.arange(lengths.sum())
    texts = [chunk.texts[text] for text in tagged]
    spans = decode(texts, tokens.places(tagged), chunk.tags[own], chunk.confidence[own], table)
    return Spans(chunk.rows[tagged][spans.texts], spans.starts, spans.ends, member.kinds[spans.types], spans.scores)
