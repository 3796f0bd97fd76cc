"""The Python interface for lists of texts."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from moderation.inference.devices import Device
from moderation.inference.engine import Engine
from moderation.inference.scored import Scored
from moderation.models.panel import Models


@dataclass(frozen=True)
class Entity:
    """A named entity: `text == body[start:end]`, offsets in code points, end exclusive."""

    start: int
    end: int
    type: str
    text: str
    score: float


@dataclass(frozen=True)
class Result:
    """What is known of one text. `scores` is empty unless `status` is `scored`."""

    status: str
    status_reason: str | None = None
    scores: dict[str, float] = field(default_factory=dict)
    labels: list[str] = field(default_factory=list)
    entities: list[Entity] = field(default_factory=list)
    evidence: tuple[int, int] | None = None
    token_count: int = 0
    window_count: int = 0

    @property
    def flagged(self) -> bool:
        """Whether any label reached its threshold."""
        return bool(self.labels)

    def as_dict(self) -> dict[str, object]:
        """The result as JSON has it; scores are rounded, as nobody reads more than four digits."""
        return {
            "status": self.status,
            "status_reason": self.status_reason,
            "scores": {label: round(score, 4) for label, score in self.scores.items()},
            "labels": self.labels,
            "flagged": self.flagged,
            "entities": [vars(entity) | {"score": round(entity.score, 4)} for entity in self.entities],
            "evidence": self.evidence,
            "token_count": self.token_count,
            "window_count": self.window_count,
        }


class Moderator:
    """Scores lists of texts with one or several models and their own thresholds."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @classmethod
    def load(cls, models: Models = "builtin", precision: str = "auto", device: Device | None = None) -> "Moderator":
        """Loads one or several models; see `moderation.load`."""
        return cls(Engine.load(models, precision, device))

    @property
    def thresholds(self) -> dict[str, float]:
        """The probability from which each label is given."""
        return self.engine.panel.thresholds

    def score(self, texts: Sequence[str | None]) -> list[Result]:
        """One result per text, in order; see `Engine.score` for what is skipped and what fails."""
        scored = self.engine.score(texts)
        entities: list[list[Entity]] = [[] for _ in texts]
        for row, start, end, kind, score in scored.spans.rows():
            name, body = self.engine.panel.entity_types[kind], texts[row] or ""
            entities[row].append(Entity(start, end, name, body[start:end], score))
        return [self.result(scored, row, entities[row]) for row in range(len(texts))]

    def result(self, scored: Scored, row: int, entities: list[Entity]) -> Result:
        """One row of the engine's columns as a result."""
        status = scored.status(row)
        low, high = (int(value) for value in scored.evidence[row])
        labels = self.engine.panel.labels
        scores = dict(zip(labels, map(float, scored.scores[row]), strict=True)) if status == "scored" else {}
        return Result(
            status=status,
            status_reason=scored.reasons[row],
            scores=scores,
            labels=[label for label, score in scores.items() if score >= self.thresholds[label]],
            entities=entities,
            evidence=(low, high) if low >= 0 else None,
            token_count=int(scored.tokens[row]),
            window_count=int(scored.windows[row]),
        )
