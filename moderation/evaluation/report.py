"""What an evaluation found, as dataclasses and as one JSON object."""

from dataclasses import asdict, dataclass, field
from typing import Any

from moderation.evaluation.labels import Figures, LabelReport
from moderation.evaluation.spans import SpanReport


@dataclass(frozen=True)
class Slice:
    """The rows that hold one value in the column of the slices; None is null."""

    value: str | None
    labels: list[LabelReport]
    spans: list[SpanReport]


@dataclass(frozen=True)
class Report:
    """Figures of a model on labelled rows.

    `columns` is label → the column that it was judged in; `unscored` counts the texts that have no score, by reason;
    `notes` are what a reader must know of the data.
    """

    model_id: str
    backend: str
    rows: int
    sentences: int
    labels: list[LabelReport]
    spans: list[SpanReport]
    by: str | None = None
    slices: list[Slice] = field(default_factory=list)
    columns: dict[str, str] = field(default_factory=dict)
    unscored: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """The report as strict JSON has it, figures with four digits; intervals are [low, high]."""
        return {
            "model_id": self.model_id,
            "backend": self.backend,
            "rows": self.rows,
            "sentences": self.sentences,
            "labels": {report.label: self.label_dict(report) for report in self.labels},
            "entities": {report.type: span_dict(report) for report in self.spans},
            "by": self.by,
            "slices": [
                {
                    "value": part.value,
                    "labels": {report.label: self.label_dict(report) for report in part.labels},
                    "entities": {report.type: span_dict(report) for report in part.spans},
                }
                for part in self.slices
            ],
            "unscored": self.unscored,
            "notes": self.notes,
        }

    def label_dict(self, report: LabelReport) -> dict[str, Any]:
        """One label."""
        return {
            "column": self.columns.get(report.label),
            "n": report.rows,
            "positives": report.positives,
            "base_rate": round(report.base_rate, 4),
            **(figures_dict(report.figures) if report.figures else {"too_few": True}),
        }


def figures_dict(figures: Figures) -> dict[str, Any]:
    """Figures without the curve, which is for pictures."""
    content = asdict(figures)
    del content["curve"]
    return {key: flat(value) for key, value in content.items()}


def span_dict(report: SpanReport) -> dict[str, Any]:
    """Figures of an entity type."""
    return {key: flat(value) for key, value in asdict(report).items() if key != "type"}


def flat(value: Any) -> Any:
    """Numbers with four digits, and estimates as {"value": ..., "interval": [low, high]}."""
    if isinstance(value, dict) and set(value) == {"value", "low", "high"}:
        return {"value": flat(value["value"]), "interval": [flat(value["low"]), flat(value["high"])]}
    if isinstance(value, dict):
        return {key: flat(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [flat(inner) for inner in value]
    return round(value, 4) if isinstance(value, float) else value
