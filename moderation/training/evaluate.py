"""How good a model is on held-out rows: per source and label, and per entity type."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from moderation.inference.engine import Engine
from moderation.training.data import label_targets, read_rows
from moderation.training.recipe import Recipe, TextSource, TokenSource

FEWEST = 20  # positives and negatives below which a figure is not worth printing

Span = tuple[int, int, str]


@dataclass(frozen=True)
class LabelFigures:
    """A label on one source: rows, share of positives, ranking quality, and decisions at the shipped threshold."""

    source: str
    label: str
    rows: int
    base_rate: float
    roc_auc: float
    macro_f1: float
    precision: float
    recall: float
    calibration_error: float


@dataclass(frozen=True)
class SpanFigures:
    """Strict span scores of one entity type (or `all`) on one source."""

    source: str
    type: str
    spans: int
    precision: float
    recall: float
    f1: float


def evaluate_labels(engine: Engine, recipe: Recipe, data: Path) -> list[LabelFigures]:
    """Figures on the dev split of every text source, one source at a time."""
    figures = []
    for source in recipe.texts:
        rows = read_rows(data, source, "dev", ["text", *source.labels.values(), source.group], recipe.seed)
        scores = engine.score(rows["text"].tolist()).scores
        targets = label_targets(rows, source.labels, recipe.labels)
        for name in rows[source.group].unique():
            chosen = (rows[source.group] == name).to_numpy() & ~np.isnan(scores[:, 0])
            figures += label_figures(engine, name, source, scores[chosen], targets[chosen])
    return figures


def label_figures(
    engine: Engine, name: str, source: TextSource, scores: np.ndarray, targets: np.ndarray
) -> list[LabelFigures]:
    """Figures of each label that a source judged often enough."""
    from sklearn.metrics import f1_score, precision_score, recall_score, roc_auc_score

    figures = []
    for label in source.labels:
        column = engine.spec.labels.index(label)
        judged = ~np.isnan(targets[:, column])
        truth, score = targets[judged, column] == 1, scores[judged, column].astype(np.float64)
        if min(truth.sum(), (~truth).sum()) < FEWEST:
            continue
        given = score >= engine.spec.thresholds[label]
        figures.append(
            LabelFigures(
                name,
                label,
                rows=len(truth),
                base_rate=float(truth.mean()),
                roc_auc=float(roc_auc_score(truth, score)),
                macro_f1=float(f1_score(truth, given, average="macro")),
                precision=float(precision_score(truth, given, zero_division=0)),
                recall=float(recall_score(truth, given)),
                calibration_error=expected_calibration_error(truth, score),
            )
        )
    return figures


def expected_calibration_error(truth: np.ndarray, score: np.ndarray, bins: int = 15) -> float:
    """Mean distance of score and frequency over bins of equal width (Guo et al., "On Calibration", 2017)."""
    number = np.minimum((score * bins).astype(int), bins - 1)
    gaps = [abs(score[number == b].mean() - truth[number == b].mean()) * (number == b).sum() for b in np.unique(number)]
    return float(sum(gaps) / len(score))


def evaluate_spans(engine: Engine, recipe: Recipe, data: Path) -> list[SpanFigures]:
    """Strict span figures on the dev split of every token source; types that it does not annotate are left out."""
    figures = []
    for source in recipe.tokens:
        rows = read_rows(data, source, "dev", ["tokens", "tags", source.group], recipe.seed)
        for name in rows[source.group].unique():
            chosen = rows[rows[source.group] == name]
            gold = [
                gold_spans(list(words), list(tags))
                for words, tags in zip(chosen["tokens"], chosen["tags"], strict=True)
            ]
            found = predicted_spans(engine, [" ".join(words) for words in chosen["tokens"]])
            figures += span_figures(name, source, gold, found)
    return figures


def gold_spans(words: list[str], tags: list[str]) -> set[Span]:
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


def predicted_spans(engine: Engine, texts: list[str]) -> list[set[Span]]:
    """The engine's spans, text by text."""
    found: list[set[Span]] = [set() for _ in texts]
    for text, start, end, kind, _ in engine.score(texts).spans.rows():
        found[text].add((start, end, engine.spec.entity_types[kind]))
    return found


def span_figures(name: str, source: TokenSource, gold: list[set[Span]], found: list[set[Span]]) -> list[SpanFigures]:
    """Precision, recall and F1 over all annotated types and for each: a span counts only where all of it is right."""
    counts: Counter[tuple[str, str]] = Counter()
    for truth, guess in zip(gold, found, strict=True):
        for what, spans in (("gold", truth), ("found", guess), ("right", truth & guess)):
            for span in spans:
                if span[2] in source.types:
                    counts.update([(what, span[2]), (what, "all")])
    figures = []
    for kind in ("all", *source.types):
        right, guessed, true = (counts[what, kind] for what in ("right", "found", "gold"))
        precision, recall = right / max(1, guessed), right / max(1, true)
        figures.append(
            SpanFigures(name, kind, true, precision, recall, 2 * precision * recall / max(1e-12, precision + recall))
        )
    return figures
