"""Statements of reasons are what the Transparency Database takes: what the row and the platform said, and no more."""

import csv
import json
import re
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from moderation.audit.dsa import fill, named, schema, scopes, template
from moderation.cli import app, exit_code
from tests.audit.run_by_hand import DAYS, labelled, published

PLATFORM = {
    "statement": {
        "decision_ground": "DECISION_GROUND_INCOMPATIBLE_CONTENT",
        "incompatible_content_ground": "Community rules, section 3",
        "incompatible_content_explanation": "Section 3 forbids insults and threats.",
        "decision_facts": "A model marked the comment: {scores} (run {run_id}, policy {policy_id}).",
        "territorial_scope": "EU",
        "source_type": "SOURCE_VOLUNTARY",
        "automated_detection": "Yes",
        "automated_decision": "AUTOMATED_DECISION_FULLY",
    },
    "actions": {"remove": {"decision_visibility": ["DECISION_VISIBILITY_CONTENT_REMOVED"]}},
    "labels": {
        "threat": {"category": "STATEMENT_CATEGORY_VIOLENCE"},
        "insult": {
            "category": "STATEMENT_CATEGORY_CYBER_VIOLENCE",
            "category_specification": ["KEYWORD_CYBER_HARASSMENT"],
        },
    },
}


def changed(**sections):
    """The platform's file with some sections' fields changed; None takes a field away."""
    made = json.loads(json.dumps(PLATFORM))
    for name, section in sections.items():
        made.setdefault(name, {}).update(section)
    return made


def export(output: Path, content, to: Path) -> int:
    file = output.parent / "platform.yaml"
    file.write_text(content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    words = ["audit", "export", "--format", "dsa", "--output", str(output), "--platform", str(file), "--to", str(to)]
    return exit_code(lambda: app(words, standalone_mode=False))


def test_every_statement_of_every_format_is_valid_and_is_of_the_flagged_and_restricted_rows(tmp_path, capsys) -> None:
    run = published(tmp_path / "out", per_day=600)
    for ending in ("json", "ndjson", "csv"):
        assert export(tmp_path / "out", PLATFORM, tmp_path / f"s.{ending}") == 0
    told = capsys.readouterr().out
    assert f"200 statements of run {run.run_id}" in told
    assert "no statement for 200 flagged rows with action limit: not among 'actions'" in told
    found = json.loads((tmp_path / "s.json").read_text(encoding="utf-8"))["statements"]
    assert all(not list(Draft202012Validator(schema()).iter_errors(one)) for one in found)
    calls = [
        json.loads(line)["statements"] for line in (tmp_path / "s.ndjson").read_text(encoding="utf-8").splitlines()
    ]
    assert [len(call) for call in calls] == [100, 100] and calls[0] + calls[1] == found
    with (tmp_path / "s.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    lists = {name for name, rule in schema()["properties"].items() if rule.get("type") == "array"}
    back = [{n: json.loads(v) if n in lists else v for n, v in row.items() if v} for row in rows]
    assert back == found and len({one["puid"] for one in found}) == 200


def test_a_statement_says_what_the_row_and_the_platform_said(tmp_path) -> None:
    run = published(tmp_path / "out")
    assert export(tmp_path / "out", PLATFORM, tmp_path / "s.json") == 0
    first = json.loads((tmp_path / "s.json").read_text(encoding="utf-8"))["statements"][0]
    assert first["decision_facts"] == (
        f"A model marked the comment: threat 0.80, insult 0.90 (run {run.run_id}, policy {'p' * 12})."
    )
    assert (first["content_date"], first["content_type"]) == (DAYS[0], ["CONTENT_TYPE_TEXT"])
    assert (first["category"], first["category_addition"]) == (
        "STATEMENT_CATEGORY_VIOLENCE",
        ["STATEMENT_CATEGORY_CYBER_VIOLENCE"],
    )
    assert "category_specification" not in first, "the keyword is of the other label"
    assert first["puid"] == f"{run.run_id}-t1_050" and first["territorial_scope"] == scopes()["EU"]
    assert len(scopes()["EU"]) == 27
    assert first["application_date"] == (run.finished or run.started)[:10]
    assert "text 0" not in json.dumps(first), "nothing that a person wrote leaves"


def test_what_is_missing_is_named_in_one_line_before_anything_is_written(tmp_path, capsys) -> None:
    published(tmp_path / "out")
    assert export(tmp_path / "out", template(), tmp_path / "s.json") == 2
    line = capsys.readouterr().err.strip()
    assert "\n" not in line and "platform.yaml: missing for rows with action remove" in line
    for name in ("decision_facts", "decision_ground", "category", "territorial_scope", "source_type"):
        assert name in line
    without = changed(statement={"incompatible_content_ground": None})
    assert export(tmp_path / "out", without, tmp_path / "s.json") == 2
    assert "incompatible_content_ground; nothing is made up for you" in capsys.readouterr().err
    nothing_done = changed(actions={"remove": {}})
    assert export(tmp_path / "out", nothing_done, tmp_path / "s.json") == 2
    assert "decision_visibility (or decision_monetary" in capsys.readouterr().err
    assert not list(tmp_path.glob("*s.json*"))


WRONG = {
    "a closed value": (
        changed(statement={"source_type": "SOURCE_OF_MINE"}),
        "source_type: 'SOURCE_OF_MINE' is none of the",
    ),
    "a country": (changed(statement={"territorial_scope": ["DE", "US"]}), "territorial_scope.1: 'US' is none of"),
    "a long text": (changed(statement={"incompatible_content_ground": "x" * 501}), "has 501 characters, more than"),
    "an unknown field": (changed(statement={"platform_mood": "good"}), "statement: unknown field 'platform_mood'"),
    "a field of a label": (changed(labels={"insult": {"mood": 1}}), r"labels\.insult: unknown field 'mood'"),
    "yes as YAML has it": (changed(statement={"automated_detection": True}), "automated_detection: 'true' is none of"),
    "an old day": (
        changed(statement={"application_date": "2019-12-31"}),
        "application_date: '2019-12-31' is not of the form",
    ),
    "no day": (changed(statement={"application_date": "2026-02-30"}), "application_date: 2026-02-30 is no day"),
    "an end before": (
        changed(
            actions={
                "remove": {
                    "decision_visibility": ["DECISION_VISIBILITY_CONTENT_REMOVED"],
                    "end_date_visibility_restriction": "2020-01-01",
                }
            }
        ),
        "an end date is before the application date",
    ),
    "facts too long": (
        changed(statement={"decision_facts": "{scores} " * 400}),
        "row t1_050 of 2026-01-05: decision_facts",
    ),
    "a name with spaces": (changed(statement={"puid": "my run {id}"}), "row t1_050 of 2026-01-05: puid"),
    "a number as a name": (changed(statement={"puid": 7}), "puid: must be text such as"),
    "another section": ({**PLATFORM, "texts": {}}, "unknown key 'texts'"),
    "a list": ("- a\n", "must hold 'key: value' lines"),
    "a section that is none": ("statement: hello\n", "statement: input should be a valid dictionary"),
    "broken YAML": ("statement: [\n", "not valid YAML"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_the_database_would_refuse_is_refused_here_with_one_line(kind, tmp_path, capsys) -> None:
    published(tmp_path / "out")
    content, message = WRONG[kind]
    assert export(tmp_path / "out", content, tmp_path / "s.csv") == 2
    line = capsys.readouterr().err.strip()
    assert re.search(message, line) and line.isprintable()
    assert not list(tmp_path.glob("*s.csv*"))


def test_rows_without_a_day_need_one_from_the_platform(tmp_path, capsys) -> None:
    published(tmp_path / "out", {"unknown": [labelled(0, "unknown")]})
    assert export(tmp_path / "out", PLATFORM, tmp_path / "s.json") == 2
    assert "row t1_wn0 of unknown: content_date: 'unknown' is not of the form" in capsys.readouterr().err
    assert export(tmp_path / "out", changed(statement={"content_date": "2025-12-31"}), tmp_path / "s.json") == 0
    (one,) = json.loads((tmp_path / "s.json").read_text(encoding="utf-8"))["statements"]
    assert one["content_date"] == "2025-12-31"


def test_ids_with_other_letters_make_names_of_their_digest_and_none_twice(tmp_path) -> None:
    ids = ["a b", "a.b", "ü", "x" * 600, "<script>", "\u202e", "ok-1_2"]
    rows = [labelled(0, DAYS[0], id=one) for one in ids]
    published(tmp_path / "out", {DAYS[0]: rows})
    assert export(tmp_path / "out", PLATFORM, tmp_path / "s.json") == 0
    names = [one["puid"] for one in json.loads((tmp_path / "s.json").read_text(encoding="utf-8"))["statements"]]
    assert len(set(names)) == 7 and names[6].endswith("-ok-1_2") and all(len(name) < 500 for name in names)


def test_only_the_facts_are_filled_in() -> None:
    assert fill("{scores} {body} {0} {{id}} {__class__}", {"scores": "1", "id": "7"}) == "1 {body} {0} {7} {__class__}"
    facts = {"id": "7", "run_id": "r"}
    assert named("{run_id}-{id}", {"id": "7"}, facts) == "r-7"


def test_the_texts_of_the_other_ground_are_left_out(tmp_path) -> None:
    published(tmp_path / "out")
    law = {
        "decision_ground": "DECISION_GROUND_ILLEGAL_CONTENT",
        "illegal_content_legal_ground": "A law",
        "illegal_content_explanation": "Why",
    }
    made = changed(labels={"threat": PLATFORM["labels"]["threat"] | law})
    assert export(tmp_path / "out", made, tmp_path / "s.json") == 0
    for one in json.loads((tmp_path / "s.json").read_text(encoding="utf-8"))["statements"]:
        assert one["illegal_content_legal_ground"] == "A law" and "incompatible_content_ground" not in one


def test_a_run_without_such_rows_makes_an_empty_document(tmp_path, capsys) -> None:
    published(tmp_path / "out", {DAYS[0]: [labelled(1, DAYS[0]), labelled(3, DAYS[0])]})
    assert export(tmp_path / "out", PLATFORM, tmp_path / "s.json") == 0
    assert json.loads((tmp_path / "s.json").read_text(encoding="utf-8")) == {"statements": []}
    assert "0 statements" in capsys.readouterr().out


def test_a_target_that_cannot_be_written_and_odd_options_are_one_line(tmp_path, capsys) -> None:
    published(tmp_path / "out")
    assert export(tmp_path / "out", PLATFORM, tmp_path / "none" / "s.json") == 2
    assert "cannot be written (No such file or directory)" in capsys.readouterr().err
    assert export(tmp_path / "out", PLATFORM, tmp_path / "s.xml") == 2
    assert "must end in .json, .ndjson or .csv" in capsys.readouterr().err
    for words, message in (
        (["--format", "eu"], "--format eu: is neither dsa nor perspective"),
        (["--format", "dsa"], "--to is missing"),
        (["--format", "dsa", "--to", "x.json"], "--platform is missing"),
    ):
        assert exit_code(lambda words=words: app(["audit", "export", *words], standalone_mode=False)) == 2
        assert message in capsys.readouterr().err


def test_the_schema_is_a_schema_and_the_template_has_only_its_fields() -> None:
    Draft202012Validator.check_schema(schema())
    lines = [line.strip(" #") for line in template().splitlines()]
    said = {line.split(":")[0] for line in lines if line.split(":")[0].islower() and "_" in line.split(":")[0]}
    assert {name for name in said if " " not in name} - {"identity_attack"} <= set(schema()["properties"])
