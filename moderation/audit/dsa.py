"""Statements of reasons (Digital Services Act, article 17) as the DSA Transparency Database takes them.

What the database asks for and where that is written is in `schemas/dsa/statement.json`. The row gives the facts (date,
labels, rules, scores, digests); everything that only the platform can say is in a YAML file of the platform's own.
"""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from moderation import resources
from moderation.audit.extra import need_extra
from moderation.audit.labelled_rows import flagged_kinds, kind_of, labelled_rows
from moderation.audit.verdict import short
from moderation.errors import UsageError
from moderation.settings import load_mapping, parse

Fields = dict[str, Any]
OUTSIDE_EU = ("IS", "LI", "NO")  # of the European Economic Area
PUID, PUID_LETTERS = "{run_id}-{id}", 500
FACTS = ("labels", "rules", "scores", "action", "severity", "model_id", "policy_id", "run_id", "id")
COLUMNS = ["id", "date", "flagged", "action", "severity", "labels", "rules", "scores", "model_id", "policy_id"]
OF_ROW = ("puid", "decision_facts", "content_date")  # the rest is the same for all rows of a kind
ONLY_FOR = {
    "illegal_content_": "DECISION_GROUND_ILLEGAL_CONTENT",
    "incompatible_": "DECISION_GROUND_INCOMPATIBLE_CONTENT",
}


class Platform(BaseModel):
    """What the platform says; sections of fields of a statement, the later section holds where two say something."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    statement: dict[str, Any] = {}
    labels: dict[str, dict[str, Any]] = {}
    rules: dict[str, dict[str, Any]] = {}
    actions: dict[str, dict[str, Any]] = {}


def schema_file() -> Path:
    """The JSON schema of a statement."""
    return resources.schemas() / "dsa" / "statement.json"


@cache
def schema() -> dict[str, Any]:
    """The content of the schema."""
    content: dict[str, Any] = json.loads(schema_file().read_text(encoding="utf-8"))
    return content


def scopes() -> dict[str, list[str]]:
    """The countries that a short name stands for."""
    area: list[str] = schema()["properties"]["territorial_scope"]["items"]["enum"]
    return {"EEA": area, "EU": [code for code in area if code not in OUTSIDE_EU]}


def template() -> str:
    """The YAML file to be filled in by the platform."""
    return (resources.schemas() / "dsa" / "platform.yaml").read_text(encoding="utf-8")


def read_platform(path: Path) -> Platform:
    """The platform's file; raises `UsageError` for a field that a statement has not. Empty lines are as not there."""
    content = {name: section for name, section in load_mapping(path).items() if section is not None}
    for name, section in content.items():
        if isinstance(section, dict) and name != "statement":
            content[name] = {str(key): one if one is not None else {} for key, one in section.items()}
    found = parse(content, Platform, str(path))
    sections = {"statement": found.statement}
    sections |= {
        f"{kind}.{name}": one for kind in ("labels", "rules", "actions") for name, one in getattr(found, kind).items()
    }
    for where, section in sections.items():
        if unknown := [name for name in section if name not in schema()["properties"]]:
            raise UsageError(
                f"{path}: {where}: unknown field '{short(str(unknown[0]))}'; {schema_file().name} lists them"
            )
    return found


def statements(output: Path, manifest: dict[str, Any], platform: Platform, where: str) -> Iterator[Fields]:
    """A statement for every flagged row whose action the platform's file names, each valid by the schema.

    Before the first is given, one of each kind is checked, so that whatever is missing is said at once. Raises
    `UsageError` that names what is missing or wrong, and the row where it is the row's.
    """
    need_extra("jsonschema")
    kinds = {kind: base(platform, kind, applied(manifest)) for kind in flagged_kinds(output, manifest)}
    kinds = {kind: fields for kind, fields in kinds.items() if kind[0] in platform.actions}
    for kind, common in kinds.items():
        check_kind(common, kind, where)
    for rows in labelled_rows(output, manifest, COLUMNS):
        for row in rows:
            if row["flagged"] and (fields := kinds.get(kind_of(row))) is not None:
                yield statement(row, fields, manifest["run_id"])


def base(platform: Platform, kind: tuple[str, tuple[str, ...], tuple[str, ...]], day: str) -> Fields:
    """What all statements of one action, labels and rules have in common."""
    action, labels, rules = kind
    mine = [platform.labels[name] for name in platform.labels if name in labels]
    of_rule = [platform.rules[name] for name in platform.rules if name in rules]
    fields: Fields = {"content_type": ["CONTENT_TYPE_TEXT"], "application_date": day, "puid": PUID}
    for section in (platform.statement, *mine[:1], *of_rule[:1], platform.actions.get(action, {})):
        fields |= {name: value for name, value in section.items() if value is not None}
    given = [one["category"] for one in mine[1:] if isinstance(one.get("category"), str)]
    others = list(dict.fromkeys(given))
    if more := [name for name in others if name != fields.get("category")]:
        fields.setdefault("category_addition", more)
    if isinstance(scope := fields.get("territorial_scope"), str):
        fields["territorial_scope"] = scopes().get(scope, scope)
    for prefix, ground in ONLY_FOR.items():  # the database ignores the texts of the other ground
        if fields.get("decision_ground") in set(ONLY_FOR.values()) - {ground}:
            fields = {name: value for name, value in fields.items() if not name.startswith(prefix)}
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in fields.items()}


def applied(manifest: Mapping[str, Any]) -> str:
    """The UTC day on which the run was published."""
    return str(manifest.get("finished") or manifest["started"])[:10]


def statement(row: Fields, fields: Fields, run_id: str) -> Fields:
    """The statement of one row; raises `UsageError` that names it where it cannot be valid."""
    facts = facts_of(row, run_id)
    own = {
        "puid": named(fields["puid"], row, facts),
        "decision_facts": fill(fields["decision_facts"], facts),
        "content_date": row["date"] if row["date"] != "unknown" else fields.get("content_date", "unknown"),
    }
    for name, value in own.items():
        if problem := next(validator(name).iter_errors(value), None):
            raise UsageError(f"row {short(row['id'])} of {row['date']}: {name}: {said(problem.validator, value)}")
    found = fields | own
    return {name: found[name] for name in schema()["properties"] if name in found}


def facts_of(row: Fields, run_id: str) -> dict[str, str]:
    """What a platform's text may name of a row; nothing that a person wrote."""
    scores = ((name, value) for name, value in (row["scores"] or {}).items() if name in (row["labels"] or ()))
    lists = {name: ", ".join(row[name] or ()) for name in ("labels", "rules")}
    words = {name: str(row[name] or "") for name in ("action", "severity", "model_id", "policy_id", "id")}
    return {**lists, **words, "scores": ", ".join(f"{name} {value:.2f}" for name, value in scores), "run_id": run_id}


def fill(text: str, facts: Mapping[str, str]) -> str:
    """A text with its {facts} filled in; braces around anything else stay."""
    return re.sub(r"\{(\w+)\}", lambda found: facts.get(found[1], found[0]), text)


def named(pattern: str, row: Fields, facts: Mapping[str, str]) -> str:
    """The statement's name: letters, digits, - and _ only, so that an id with others is told by its digest."""
    clean = {name: value if re.fullmatch(r"[A-Za-z0-9_-]+", value) else digest(value) for name, value in facts.items()}
    found = fill(pattern, clean)
    return found if len(found) <= PUID_LETTERS else fill(pattern, clean | {"id": digest(row["id"])})


def digest(text: str) -> str:
    """A text as a name."""
    return f"sha256-{sha256(text.encode()).hexdigest()}"


@cache
def validator(name: str | None = None) -> Any:
    """What checks a statement, or one field of it."""
    from jsonschema import Draft202012Validator

    return Draft202012Validator(schema()["properties"][name] if name else schema())


def check_kind(fields: Fields, kind: tuple[str, tuple[str, ...], tuple[str, ...]], where: str) -> None:
    """Refuses what would make every statement of this kind invalid, all that is missing in one line."""
    action, labels, rules = kind
    rows = f"rows with action {action}, labels {', '.join(labels) or '-'}, rules {', '.join(rules) or '-'}"
    if not isinstance(fields["puid"], str):
        raise UsageError(f"{where}: puid: must be text such as {PUID}, in quotes")
    example = fields | {"puid": "example", "content_date": fields.get("content_date", "2026-01-01")}
    errors = list(validator().iter_errors(example))
    missing = [name for error in errors if error.validator == "required" for name in error.validator_value]
    missing = [name for name in dict.fromkeys(missing) if name not in example]
    if any(error.validator == "anyOf" for error in errors):
        missing.append("decision_visibility (or decision_monetary, decision_provision, decision_account)")
    if missing:
        raise UsageError(f"{where}: missing for {rows}: {', '.join(missing)}; nothing is made up for you")
    if wrong := next((error for error in errors), None):
        field = ".".join(str(part) for part in wrong.absolute_path) or "statement"
        raise UsageError(
            f"{where}: {field}: {said(wrong.validator, wrong.instance)}; {schema_file().name} lists what may be"
        )
    if any(fields.get(name, "9") < fields["application_date"] for name in fields if name.startswith("end_date")):
        raise UsageError(f"{where}: an end date is before the application date {fields['application_date']}")
    for name in ("application_date", *(name for name in fields if name.startswith("end_date"))):
        check_day(fields[name], f"{where}: {name}")


def check_day(text: str, where: str) -> None:
    """Refuses a day that the calendar has not."""
    try:
        date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"{where}: {text} is no day") from error


def said(rule: str, value: Any) -> str:
    """A broken rule in words."""
    shown = short(value if isinstance(value, str) else json.dumps(value, default=str))
    words = {
        "enum": "is none of the closed values",
        "maxLength": f"has {len(value) if isinstance(value, str) else 0} characters, more than the database takes",
        "pattern": "is not of the form that the database takes",
        "type": "is of another kind than the database takes",
        "minLength": "is empty",
        "minItems": "is empty",
        "uniqueItems": "names one thing twice",
    }
    return f"'{shown}' {words.get(rule, f'breaks the rule {rule}')}"
