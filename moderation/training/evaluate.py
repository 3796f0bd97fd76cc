"""How good a model is on the dev rows of its recipe: per source and label, and per entity type."""

from dataclasses import dataclass
from pathlib import Path

from moderation.evaluation.data import Sentences
from moderation.evaluation.evaluate import sentence_counts
from moderation.evaluation.labels import LabelReport, label_report
from moderation.evaluation.score import answers
from moderation.evaluation.spans import SpanReport, span_reports
from moderation.inference.engine import Engine
from moderation.training.data import label_targets
from moderation.training.recipe import Recipe
from moderation.training.rows import read_rows


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
    """Figures on the dev split of every text source, one source at a time; labels with too few rows are left out."""
    figures = []
    for source in recipe.texts:
        rows = read_rows(data, source, "dev", ["text", *source.labels.values(), source.group], recipe.seed)
        scores = answers(engine, rows["text"].tolist()).scores
        targets = label_targets(rows, source.labels, recipe.labels)
        for name in rows[source.group].unique():
            chosen = (rows[source.group] == name).to_numpy()
            for label in source.labels:
                column, place = engine.spec.labels.index(label), recipe.labels.index(label)
                threshold = engine.spec.thresholds[label]
                report = label_report(label, scores[chosen, column], targets[chosen, place], threshold)
                figures += card_figures(name, report)
    return figures


def card_figures(source: str, report: LabelReport) -> list[LabelFigures]:
    """What the card says of a label on a source; nothing where there are too few rows."""
    if report.figures is None:
        return []
    found = report.figures
    return [
        LabelFigures(
            source,
            report.label,
            report.rows,
            report.base_rate,
            found.roc_auc.value,
            found.shipped.macro_f1.value,
            found.shipped.precision.value,
            found.shipped.recall.value,
            found.calibration_error.value,
        )
    ]


def evaluate_spans(engine: Engine, recipe: Recipe, data: Path) -> list[SpanFigures]:
    """Strict span figures on the dev split of every token source; types that it does not annotate are left out."""
    figures = []
    for source in recipe.tokens:
        rows = read_rows(data, source, "dev", ["tokens", "tags", source.group], recipe.seed)
        for name in rows[source.group].unique():
            chosen = rows[rows[source.group] == name]
            sentences = Sentences([list(words) for words in chosen["tokens"]], [list(tags) for tags in chosen["tags"]])
            reports = span_reports(sentence_counts(engine, sentences, source.types), source.types)
            figures += [span_figures(name, report) for report in reports]
    return figures


def span_figures(source: str, report: SpanReport) -> SpanFigures:
    """What the card says of an entity type on a source."""
    values = (report.precision.value, report.recall.value, report.f1.value)
    return SpanFigures(source, report.type, report.gold, *values)
