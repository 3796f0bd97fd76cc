"""Whatever a file holds, it is read or refused with one line that names it."""

import json
import tempfile
from pathlib import Path

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from moderation.audit.baseline import read_baseline
from moderation.audit.dsa import base, check_kind, read_platform
from moderation.audit.label_studio import read_annotations
from moderation.audit.verdict_files import read_table
from moderation.audit.verdicts import append, verdicts
from moderation.errors import UsageError
from tests.audit.drawn_by_hand import sample_by_hand

LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
NAMES = st.sampled_from(
    [
        *("data", "row_id", "date", "sample_id", "annotations", "result", "value", "choices", "text", "type", "id"),
        *("from_name", "completed_by", "email", "updated_at", "attributeScores", "TOXICITY", "summaryScore", "note"),
        *("response", "clientToken", "was_cancelled", "verdict0_insult"),
    ]
)
WORDS = st.sampled_from(
    ["r1", "2026-01-02", "0123456789ab", "choices", "yes", "note", "verdict0_insult", "textarea", "TOXICITY"]
)
ODD = st.recursive(
    LEAVES | WORDS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5), max_leaves=25
)
SHAPED = st.fixed_dictionaries(
    {
        "data": st.fixed_dictionaries({"row_id": ODD | st.just("r1")}, optional={"date": ODD, "sample_id": ODD}),
        "annotations": st.lists(st.dictionaries(NAMES, ODD, max_size=5), max_size=2) | ODD,
    }
)
FEW = settings(max_examples=40, suppress_health_check=list(HealthCheck))


def one_line(act, name: str) -> None:
    try:
        act()
    except UsageError as error:
        assert name in str(error) or str(error).startswith("verdict ")
        assert str(error).isprintable() and len(str(error)) < 1000


@FEW
@given(st.lists(SHAPED, min_size=1, max_size=2) | ODD)
def test_any_json_is_an_export_or_is_refused(content) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder, file = sample_by_hand(Path(place)), Path(place) / "x.json"
        file.write_text(json.dumps(content), encoding="utf-8")
        one_line(lambda: append(folder, list(read_annotations(folder, file, None))), "x.json")
        assert all(entry.row_id == "r1" for entry in verdicts(folder))


@FEW
@given(st.lists(st.dictionaries(NAMES, ODD, max_size=5) | ODD, max_size=3))
def test_any_lines_are_scores_or_are_refused(rows) -> None:
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "x.ndjson"
        file.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
        one_line(lambda: read_baseline(file, ["TOXICITY"]), "x.ndjson")


@FEW
@given(st.lists(st.lists(st.text(max_size=6), max_size=5), max_size=4), st.booleans())
def test_any_csv_is_verdicts_or_is_refused(cells, headed) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder, file = sample_by_hand(Path(place)), Path(place) / "x.csv"
        head = ["row_id,label,verdict,reviewer"] if headed else []
        file.write_text("\n".join(head + [",".join(row) for row in cells]), encoding="utf-8", errors="replace")
        one_line(lambda: append(folder, list(read_table(folder, file, None))), "x.csv")
        assert verdicts(folder) == []


FIELDS = st.sampled_from(
    ["category", "territorial_scope", "decision_facts", "application_date", "puid", "end_date_account_restriction"]
)
SECTION = st.dictionaries(FIELDS, ODD, max_size=4)


@FEW
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "statement": SECTION | ODD,
            "labels": st.dictionaries(st.sampled_from(["insult", "threat"]), SECTION | ODD) | ODD,
        },
    )
)
def test_any_platform_file_is_used_or_is_refused(content) -> None:
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "x.yaml"
        file.write_text(yaml.safe_dump(content), encoding="utf-8")

        def act() -> None:
            kind = ("remove", ("insult", "threat"), ())
            check_kind(base(read_platform(file), kind, "2026-01-01"), kind, str(file))

        one_line(act, "x.yaml")
