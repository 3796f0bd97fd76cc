"""Functional cases: short texts that each ask one thing of a model, and how often it answers right.

The idea is that of "CheckList" (Ribeiro et al., 2020) and of "HateCheck" (Röttger et al., 2021); the cases are our own.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from moderation.inference.engine import Engine
from moderation.settings import read_yaml


class Strict(BaseModel):
    """A section of a file of cases."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Case(Strict):
    """A text. `expect` adds to its group's or changes it (null: not judged); `note` says why it is debatable."""

    id: str
    text: str
    expect: dict[str, bool | None] = {}
    note: str | None = None


class Group(Strict):
    """Cases that ask the same; `expect` says of each judged label whether it must be given or must not."""

    about: str
    expect: dict[str, bool] = {}
    cases: list[Case] = Field(min_length=1)

    def wanted(self, case: Case) -> dict[str, bool]:
        """The judged labels of a case, and whether each must be given."""
        return {label: wanted for label, wanted in (self.expect | case.expect).items() if wanted is not None}


class Cases(Strict):
    """A file of functional cases."""

    groups: dict[str, Group] = Field(min_length=1)

    @model_validator(mode="after")
    def check_ids(self) -> Self:
        """No id stands twice, and every case is judged for something."""
        seen: set[str] = set()
        for name, group in self.groups.items():
            for case in group.cases:
                if case.id in seen:
                    raise ValueError(f"{name}: the id '{case.id}' stands twice")
                if not group.wanted(case):
                    raise ValueError(f"{name}: case '{case.id}' is judged for no label (expect)")
                seen.add(case.id)
        return self


@dataclass(frozen=True)
class Answer:
    """What a model said of one case and label. `score` is NaN where it could not score the text: never right."""

    group: str
    case: str
    text: str
    label: str
    wanted: bool
    score: float
    given: bool

    @property
    def right(self) -> bool:
        """Whether the label was given if it must be, and not given if it must not."""
        return self.given == self.wanted and not np.isnan(self.score)


@dataclass(frozen=True)
class Figures:
    """Right answers of a group or label: `missed` were to be given, `false_alarms` were not."""

    name: str
    cases: int
    answers: int
    right: int
    missed: int
    false_alarms: int

    @property
    def rate(self) -> float:
        """The share of right answers."""
        return self.right / self.answers


def read_cases(path: Path) -> Cases:
    """Reads a file of cases; raises `UsageError` that names the file, the key and the rule."""
    return read_yaml(path, Cases)


def ask(engine: Engine, cases: Cases) -> list[Answer]:
    """An answer for each case and judged label that the model has, in the order of the file, at the model's thresholds.

    Empty where the model has none of the judged labels.
    """
    asked = [(name, group, case) for name, group in cases.groups.items() for case in group.cases]
    scores = engine.score([case.text for _, _, case in asked]).scores
    columns = {label: column for column, label in enumerate(engine.spec.labels)}
    answers = []
    for (name, group, case), row in zip(asked, scores, strict=True):
        for label, wanted in group.wanted(case).items():
            if label in columns:
                score = float(row[columns[label]])
                given = score >= engine.spec.thresholds[label]
                answers.append(Answer(name, case.id, case.text, label, wanted, score, given))
    return answers


def by_group(answers: Iterable[Answer]) -> list[Figures]:
    """Figures of each group, in the order of the answers."""
    return by(answers, lambda answer: answer.group)


def by_label(answers: Iterable[Answer]) -> list[Figures]:
    """Figures of each label."""
    return by(answers, lambda answer: answer.label)


def by(answers: Iterable[Answer], name: Callable[[Answer], str]) -> list[Figures]:
    """Figures of the answers that have the same name."""
    parts: dict[str, list[Answer]] = {}
    for answer in answers:
        parts.setdefault(name(answer), []).append(answer)
    return [figures(title, part) for title, part in parts.items()]


def figures(name: str, answers: list[Answer]) -> Figures:
    """Counts the answers."""
    wrong = failures(answers)
    missed = sum(answer.wanted for answer in wrong)
    return Figures(
        name,
        cases=len({answer.case for answer in answers}),
        answers=len(answers),
        right=len(answers) - len(wrong),
        missed=missed,
        false_alarms=len(wrong) - missed,
    )


def failures(answers: Iterable[Answer]) -> list[Answer]:
    """The answers that are not right."""
    return [answer for answer in answers if not answer.right]
