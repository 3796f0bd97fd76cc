"""The policy: thresholds per label, and rules as Spark SQL conditions, to labels, action and severity."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from moderation import resources
from moderation.errors import UsageError
from moderation.models.load import DIGEST_LENGTH
from moderation.models.spec import LabelSet, Probability
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

    def thresholds_for(self, known: LabelSet) -> dict[str, float]:
        """The threshold of each of the models' labels: the policy's where it names one, else the model's."""
        return {label: self.thresholds.get(label, known.thresholds[label]) for label in known.labels}


def read_policy(source: str, known: LabelSet) -> Policy:
    """Reads `default` or a YAML file, checked against what the models can say; raises `UsageError`.

    The default policy is for any model: rules on labels or entity types that the models do not have are left out of
    it. A policy that somebody has written says what it wants, so there they are a mistake.
    """
    if source == "default":
        policy = read_default()
        fitting = [rule for rule in policy.rules if not unknown_names(rule, known)]
        return policy.model_copy(update={"rules": fitting})
    policy = read_yaml(Path(source), Policy)
    check(policy, known, Path(source))
    return policy


def read_default() -> Policy:
    """The default policy with all its rules."""
    return read_yaml(resources.schemas() / "policies" / "default.yaml", Policy)


def left_out(source: str, known: LabelSet) -> str:
    """The rules that `read_policy` leaves out, each with what the models lack; empty where it leaves out none."""
    rules = read_default().rules if source == "default" else []
    unknown = {rule.name: unknown_names(rule, known) for rule in rules}
    lacks = {name: ", ".join(f"{what} {word}" for what, word in words) for name, words in unknown.items() if words}
    return "; ".join(f"{name} ({words})" for name, words in lacks.items())


def describe(policy: Policy, source: str, known: LabelSet) -> dict[str, Any]:
    """What the manifest says of the policy."""
    said = {"source": source, "policy_id": policy.policy_id, **policy.model_dump(mode="json")}
    return said | {"left_out": left_out(source, known)}


def check(policy: Policy, known: LabelSet, path: Path) -> None:
    """Refuses labels, entity types and functions that a condition may not name, and doubled rule names."""
    for label in policy.thresholds:
        if label not in known.labels:
            raise UsageError(f"{path}: thresholds: unknown label {label!r}; {have('label', known)}")
    names = [rule.name for rule in policy.rules]
    for rule in policy.rules:
        where = f"{path}: rule '{rule.name}'"
        if names.count(rule.name) > 1:
            raise UsageError(f"{where} stands twice")
        if found := FORBIDDEN.search(rule.when):
            raise UsageError(f"{where}: '{found.group()}' is not allowed in a condition")
        for what, word in unknown_names(rule, known):
            raise UsageError(f"{where}: unknown {what} '{word}'; {have(what, known)}")


def unknown_names(rule: Rule, known: LabelSet) -> list[tuple[str, str]]:
    """The labels and entity types in a rule's condition that the models do not have, each with what it is."""
    types = " ".join(TYPES.findall(rule.when))
    named = [("label", LABEL_LITERALS.findall(rule.when), known.labels)]
    named.append(("entity type", LITERALS.findall(types), known.entity_types))
    return [(what, word) for what, found, have in named for word in map("".join, found) if word not in have]


def have(what: str, known: LabelSet) -> str:
    """What there is instead, and what can be done."""
    names, key = (known.labels, "labels") if what == "label" else (known.entity_types, "entities")
    if not names:
        return f"the models have no {what}s"
    return f"the models have {', '.join(names)} (an entry of 'models' can rename them with '{key}')"
