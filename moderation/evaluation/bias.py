"""Bias by template: the same sentences about different people, so that the term alone makes the difference.

After Dixon et al., "Measuring and mitigating unintended bias in text classification", 2018.
"""

from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from string import Formatter
from typing import Self

import numpy as np
from pydantic import Field, model_validator

from moderation.evaluation.functional import Strict
from moderation.inference.engine import Engine
from moderation.settings import read_yaml

CONTROL = "control"  # the kind of the terms that are no identity
LABELS = ("offensive", "toxicity", "identity_attack")
FORMS = ("one", "many", "One", "Many")


class Term(Strict):
    """People, as one ("a nurse") and as many ("nurses")."""

    one: str
    many: str

    def fill(self, template: str) -> str:
        """The template about these people."""
        return template.format(one=self.one, many=self.many, One=capital(self.one), Many=capital(self.many))


class Identities(Strict):
    """Terms by kind, and sentence templates that hold {one}, {many}, {One} or {Many}."""

    terms: dict[str, list[Term]] = Field(min_length=1)
    harmless: list[str] = Field(min_length=1)
    hateful: list[str] = Field([])

    @model_validator(mode="after")
    def check_templates(self) -> Self:
        """Each template has a place for the term and no other."""
        for template in (*self.harmless, *self.hateful):
            names = {name for _, name, _, _ in Formatter().parse(template) if name is not None}
            if not names or names - set(FORMS):
                raise ValueError(f"the template '{template}' must hold {{one}}, {{many}}, {{One}} or {{Many}}")
        return self


@dataclass(frozen=True)
class TermFigures:
    """One term, per label: share of harmless texts flagged, their mean score, share of hateful texts found."""

    kind: str
    term: str
    false_alarms: dict[str, float]
    mean_scores: dict[str, float]
    found: dict[str, float]


@dataclass(frozen=True)
class Spread:
    """False-alarm rates of a label: over the identity terms, between them, and over the controls (None without)."""

    label: str
    identities: float
    smallest: float
    largest: float
    controls: float | None

    @property
    def spread(self) -> float:
        """Largest minus smallest rate."""
        return self.largest - self.smallest


def capital(text: str) -> str:
    """The text with its first letter large."""
    return text[:1].upper() + text[1:]


def read_identities(path: Path) -> Identities:
    """Reads a file of terms and templates; raises `UsageError` that names the file, the key and the rule."""
    return read_yaml(path, Identities)


def measure(engine: Engine, identities: Identities) -> list[TermFigures]:
    """Figures of every term at the model's thresholds, for those of `LABELS` that the model has.

    Empty where it has none of them.
    """
    labels = [label for label in LABELS if label in engine.spec.labels]
    if not labels:
        return []
    terms = [(kind, term) for kind, members in identities.terms.items() for term in members]
    harmless = score_grid(engine, [term for _, term in terms], identities.harmless, labels)
    hateful = score_grid(engine, [term for _, term in terms], identities.hateful, labels)
    thresholds = np.array([engine.spec.thresholds[label] for label in labels])
    return [
        TermFigures(
            kind,
            term.many,
            false_alarms=named(labels, (harmless[row] >= thresholds).mean(axis=0)),
            mean_scores=named(labels, harmless[row].mean(axis=0)),
            found=named(labels, (hateful[row] >= thresholds).mean(axis=0)) if identities.hateful else {},
        )
        for row, (kind, term) in enumerate(terms)
    ]


def score_grid(engine: Engine, terms: list[Term], templates: list[str], labels: list[str]) -> np.ndarray:
    """Scores [terms, templates, labels] of every template about every term."""
    texts = [term.fill(template) for term in terms for template in templates]
    columns = [engine.spec.labels.index(label) for label in labels]
    scores: np.ndarray = engine.score(texts).scores[:, columns].reshape(len(terms), len(templates), len(labels))
    return scores


def named(labels: list[str], values: np.ndarray) -> dict[str, float]:
    """Values by label."""
    return dict(zip(labels, map(float, values), strict=True))


def spreads(terms: list[TermFigures]) -> list[Spread]:
    """The spread of the false alarms of each label."""
    return [spread_of(label, terms) for label in terms[0].false_alarms]


def spread_of(label: str, terms: list[TermFigures]) -> Spread:
    """The spread of one label; over the controls where there are no identities."""
    controls = [term.false_alarms[label] for term in terms if term.kind == CONTROL]
    rates = [term.false_alarms[label] for term in terms if term.kind != CONTROL] or controls
    return Spread(label, fmean(rates), min(rates), max(rates), fmean(controls) if controls else None)
