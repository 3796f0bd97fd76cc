"""The policy: thresholds per label, and rules as Spark SQL conditions, to labels, action and severity."""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from moderation import resources
from moderation.errors import UsageError
from moderation.models.load import DIGEST_LENGTH
from moderation.models.spec import ModelSpec, Probability
from moderation.settings import read_yaml
from moderation.text.digest import text_digest

Action = Literal["none", "review", "limit", "remove"]
Severity = Literal["none", "low", "medium", "high", "critical"]
ACTIONS: tuple[str, ...] = ("none", "review", "limit", "remove")
SEVERITIES: tuple[str, ...] = ("none", "low", "medium", "high", "critical")  # weakest first
FORBIDDEN = re.compile(r"\b(reflect|java_method|try_reflect|select|input_file_name)\b", re.IGNORECASE)
LABEL_LITERALS = re.compile(r"array_contains\s*\(\s*labels\s*,\s*(?:'([^']*)'|\"([^\"]*)\")", re.IGNORECASE)
TYPES = re.compile(r"\.type\s*(?:=+|<>|!=|(?:not\s+)?in\s*\()\s*((?:['\"][^'\"]*['\"]\s*,?\s*)+)", re.IGNORECASE)
LITERALS = re.compile(r"'([^']*)'|\"([^\"]*)\"")


class Strict(BaseModel):
    """A section of the policy."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Verdict(Strict):
    """What is to happen with a comment."""

    action: Action
    severity: Severity


class Rule(Verdict):
    """A condition over the columns of a labelled comment, and what follows where it holds."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    when: str = Field(description="a Spark SQL condition over the labelled columns")


class Policy(Strict):
    """Thresholds over the model's own, rules, and what follows where a label stands alone."""

    thresholds: dict[str, Probability] = {}
    flagged: Verdict = Verdict(action="review", severity="low")
    rules: list[Rule] = []

    @property
    def policy_id(self) -> str:
        """Digest of everything the policy says."""
        return text_digest(self.model_dump_json())[:DIGEST_LENGTH]

    def thresholds_for(self, spec: ModelSpec) -> dict[str, float]:
        """The threshold of each of the model's labels: the policy's where it names one, else the model's."""
        return {label: self.thresholds.get(label, spec.thresholds[label]) for label in spec.labels}


def read_policy(source: str, spec: ModelSpec) -> Policy:
    """Reads `default` or a YAML file, checked against what the model can say; raises `UsageError`."""
    path = resources.schemas() / "policies" / "default.yaml" if source == "default" else Path(source)
    policy = read_yaml(path, Policy)
    check(policy, spec, path)
    return policy


def check(policy: Policy, spec: ModelSpec, path: Path) -> None:
    """Refuses labels, entity types and functions that a condition may not name, and doubled rule names."""
    for label in policy.thresholds:
        if label not in spec.labels:
            raise UsageError(f"{path}: thresholds: unknown label {label!r}; the model has {', '.join(spec.labels)}")
    names = [rule.name for rule in policy.rules]
    for rule in policy.rules:
        where = f"{path}: rule '{rule.name}'"
        if names.count(rule.name) > 1:
            raise UsageError(f"{where} stands twice")
        if found := FORBIDDEN.search(rule.when):
            raise UsageError(f"{where}: '{found.group()}' is not allowed in a condition")
        types = " ".join(TYPES.findall(rule.when))
        for found_names, known, what in (
            (LABEL_LITERALS.findall(rule.when), spec.labels, "label"),
            (LITERALS.findall(types), spec.entity_types, "entity type"),
        ):
            for name in map("".join, found_names):
                if name not in known:
                    raise UsageError(f"{where}: unknown {what} '{name}'; the model has {', '.join(known)}")
