"""Strict span figures: a predicted entity is right where start, end and type all are."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from moderation.evaluation.bootstrap import RESAMPLES, SEED, Estimate, bounded
from moderation.evaluation.counts import ratio

Span = tuple[int, int, str]
GOLD, FOUND, RIGHT = range(3)
BLOCK = 50  # resamples that are drawn together: bounds memory


@dataclass(frozen=True)
class SpanReport:
    """Figures of one entity type, or of `all` that were looked for together (micro average)."""

    type: str
    gold: int
    found: int
    right: int
    precision: Estimate
    recall: Estimate
    f1: Estimate


def gold_spans(words: Sequence[str], tags: Sequence[str]) -> set[Span]:
    """Spans in characters of the words joined by spaces; an I that continues nothing begins a span."""
    spans: list[Span] = []
    position = 0
    for index, (word, tag) in enumerate(zip(words, tags, strict=True)):
        end = position + len(word)
        if tag.startswith("I-") and index and tags[index - 1][2:] == tag[2:] and tags[index - 1] != "O":
            spans[-1] = (spans[-1][0], end, tag[2:])
        elif tag != "O":
            spans.append((position, end, tag[2:]))
        position = end + 1
    return set(spans)


def span_counts(gold: Sequence[set[Span]], found: Sequence[set[Span]], types: Sequence[str]) -> np.ndarray:
    """Gold, found and right spans of each sentence and type, [sentences, types, 3]; other types are left out."""
    counts = np.zeros((len(gold), len(types), 3), np.int64)
    places = {kind: place for place, kind in enumerate(types)}
    for row, (truth, guess) in enumerate(zip(gold, found, strict=True)):
        for what, spans in ((GOLD, truth), (FOUND, guess), (RIGHT, truth & guess)):
            for span in spans:
                if span[2] in places:
                    counts[row, places[span[2]], what] += 1
    return counts


def span_reports(
    counts: np.ndarray, types: Sequence[str], resamples: int = RESAMPLES, seed: int = SEED
) -> list[SpanReport]:
    """Figures over all types and for each, from counts [sentences, types, 3]; the bootstrap draws whole sentences."""
    counts = np.concatenate([counts.sum(1, keepdims=True), counts], axis=1)
    total, drawn = counts.sum(0), resampled_sums(counts, resamples, seed)
    reports = []
    for place, kind in enumerate(("all", *types)):
        values, resampled = span_figures(total[place]), span_figures(drawn[:, place])
        estimates = [bounded(value, others) for value, others in zip(values, resampled, strict=True)]
        gold, found, right = (int(number) for number in total[place])
        reports.append(SpanReport(kind, gold, found, right, *estimates))
    return reports


def span_figures(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Precision, recall and F1 of counts [..., 3]; 0 where there is nothing to divide by."""
    gold, found, right = (counts[..., what] for what in (GOLD, FOUND, RIGHT))
    return ratio(right, found), ratio(right, gold), ratio(2 * right, gold + found)


def resampled_sums(counts: np.ndarray, resamples: int, seed: int) -> np.ndarray:
    """Sums [resamples, types, 3] over as many sentences as there are, drawn with replacement."""
    random, rows = np.random.default_rng(seed), len(counts)
    flat = counts.reshape(rows, -1).astype(np.float64)
    sums = np.empty((resamples, flat.shape[1]))
    for low in range(0, resamples, BLOCK):
        part = min(BLOCK, resamples - low)
        drawn = random.integers(0, rows, (part, rows)) + np.arange(part)[:, None] * rows
        sums[low : low + part] = np.bincount(drawn.ravel(), minlength=part * rows).reshape(part, rows) @ flat
    return sums.reshape(resamples, *counts.shape[1:])
