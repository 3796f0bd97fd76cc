"""Verdicts leave as Parquet, CSV and Label Studio tasks and come back as they were; what is odd is named."""

import json
import tempfile
import unicodedata
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from moderation.audit.label_studio import control_names, labelling_config, read_annotations, write_tasks
from moderation.audit.second import meant_for_two, sample_rows, set_second_share, to_do
from moderation.audit.verdict import MARKUP, WORDS, Verdict
from moderation.audit.verdict_files import importer, read_table, write_table
from moderation.audit.verdicts import append, settled, verdicts
from moderation.cli import app, exit_code
from moderation.errors import UsageError
from tests.audit.drawn_by_hand import BODIES, THRESHOLDS, sample_by_hand

START = datetime(2026, 1, 1, tzinfo=UTC)
LETTERS = st.characters(exclude_categories=["C", "Z"], exclude_characters="".join(MARKUP))
NAMES = st.text(LETTERS, min_size=1, max_size=20).map(lambda name: unicodedata.normalize("NFC", name))
NOTES = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\n\r\t,;\"'=\\"), max_size=40)
ENTRIES = st.lists(
    st.tuples(st.integers(0, 7), st.sampled_from(list(THRESHOLDS)), NAMES, st.sampled_from(WORDS), NOTES), max_size=12
)


def entries_of(drawn) -> list[Verdict]:
    times = [
        (START + timedelta(microseconds=number)).isoformat(timespec="microseconds") for number in range(len(drawn))
    ]
    return [
        Verdict(f"r{row}", label, reviewer, word, f"2026-01-0{1 + row % 3}", time, note)
        for (row, label, reviewer, word, note), time in zip(drawn, times, strict=True)
    ]


@settings(max_examples=20, suppress_health_check=list(HealthCheck))
@given(ENTRIES, st.sampled_from([".parquet", ".csv", ".json"]))
def test_every_entry_survives_a_round_trip_through_every_format(drawn, ending) -> None:
    entries = entries_of(drawn)
    with tempfile.TemporaryDirectory() as place:
        here, there = sample_by_hand(Path(place) / "here"), sample_by_hand(Path(place) / "there")
        file = Path(place) / f"out{ending}"
        assert append(here, entries) == len(entries)
        if ending == ".json":
            write_tasks(here, file, sample_rows(here), with_verdicts=True)
        else:
            write_table(here, file)
        found = list(importer(file)(there, file, None))
        assert append(there, found) == len(entries) and append(there, found) == 0
        key = [(entry.time, entry) for entry in verdicts(there)]
        assert [entry for _, entry in sorted(key, key=lambda pair: pair[0])] == entries
        assert settled(there).equals(settled(here))


def test_spans_of_tasks_hold_their_text_counted_in_code_points(tmp_path) -> None:
    folder = sample_by_hand(tmp_path)
    _, count = write_tasks(folder, tmp_path / "tasks.json", sample_rows(folder))
    tasks = json.loads((tmp_path / "tasks.json").read_text(encoding="utf-8"))
    assert [task["data"]["text"] for task in tasks] == list(BODIES) and count == len(BODIES)
    spans = [
        (task["data"]["text"], region["value"])
        for task in tasks
        for region in task["predictions"][0]["result"]
        if region["type"] == "labels"
    ]
    assert len(spans) == 5
    for text, value in spans:
        assert text[value["start"] : value["end"]] == value["text"]
        # what the editor does with offsets: an array of code points, cut, and joined again
        units = text.encode("utf-32-le")
        assert units[4 * value["start"] : 4 * value["end"]].decode("utf-32-le") == value["text"]
    beyond = [(text, value) for text, value in spans if "𝕱" in text or "👨" in text or "🙈" in text]
    assert all(len(text[: value["start"]].encode("utf-16-le")) // 2 != value["start"] for text, value in beyond)


def test_predictions_name_the_controls_of_the_configuration_and_blind_tasks_have_none_of_the_labels(tmp_path) -> None:
    folder = sample_by_hand(tmp_path)
    config, _ = write_tasks(folder, tmp_path / "tasks.json", sample_rows(folder))
    root = ElementTree.fromstring(config.read_text(encoding="utf-8"))
    controls = {node.get("name"): node for node in root.iter() if node.get("toName")}
    tasks = json.loads((tmp_path / "tasks.json").read_text(encoding="utf-8"))
    for task in tasks:
        for region in task["predictions"][0]["result"]:
            allowed = {child.get("value") for child in controls[region["from_name"]]}
            assert set(region["value"].get("choices") or region["value"].get("labels")) <= allowed
    said = {region["from_name"]: region["value"]["choices"] for region in tasks[1]["predictions"][0]["result"][:3]}
    assert said == {"verdict0_insult": ["yes"], "verdict1_threat": ["no"], "verdict2_identity_attack": ["no"]}
    write_tasks(folder, tmp_path / "blind.json", sample_rows(folder), blind=True)
    blind = json.loads((tmp_path / "blind.json").read_text(encoding="utf-8"))
    assert {region["type"] for task in blind for region in task["predictions"][0]["result"]} == {"labels"}
    assert all("score" not in task["predictions"][0] for task in blind)


def test_labels_with_markup_make_a_configuration_that_is_still_xml() -> None:
    labels = ['<b>"x"</b>', "a&b", "ünï", "a b", "a_b"]
    root = ElementTree.fromstring(labelling_config(labels, ['"><script>', "PER"]))
    assert [node.get("value") for node in root.iter("Label")] == ['"><script>', "PER"]
    assert len(set(control_names(labels).values())) == 5
    assert [node.get("value") for node in root.iter("Header")] == [f"Is this {label}?" for label in labels]


def exported(result, **changes):
    data = {"text": "x", "row_id": "r1", "date": "2026-01-02", "sample_id": "0123456789ab"}
    annotation = {"id": 9, "completed_by": 4, "updated_at": "2026-01-03T10:00:00.000000Z", "result": result}
    return [{"id": 1, "data": data | changes.pop("data", {}), "annotations": [annotation | changes]}]


def answer(name="verdict0_insult", word="yes"):
    return {"id": "a", "from_name": name, "to_name": "text", "type": "choices", "value": {"choices": [word]}}


def test_annotations_as_label_studio_writes_them_become_verdicts(tmp_path) -> None:
    folder, file = sample_by_hand(tmp_path), tmp_path / "export.json"
    note = {"from_name": "note", "to_name": "text", "type": "textarea", "value": {"text": ["quoted"]}}
    moved = {
        "from_name": "entity",
        "to_name": "text",
        "type": "labels",
        "value": {"start": 0, "end": 1, "labels": ["PER"]},
    }
    file.write_text(
        json.dumps(exported([answer(), answer("verdict1_threat", "unsure"), note, moved])), encoding="utf-8"
    )
    time = "2026-01-03T10:00:00.000000+00:00"
    assert append(folder, read_annotations(folder, file, None)) == 2
    assert verdicts(folder) == [
        Verdict("r1", "insult", "label-studio 4", "yes", "2026-01-02", time, "quoted"),
        Verdict("r1", "threat", "label-studio 4", "unsure", "2026-01-02", time, "quoted"),
    ]
    file.write_text(json.dumps(exported([answer()], was_cancelled=True)), encoding="utf-8")
    assert list(read_annotations(folder, file, None)) == [], "who skips a task says nothing"
    file.write_text(json.dumps(exported([answer()], completed_by={"id": 3, "email": "a@b.example"})), encoding="utf-8")
    assert [entry.reviewer for entry in read_annotations(folder, file, None)] == ["a@b.example"]


ODD_TASKS = {
    "no JSON": ("{", "is no JSON"),
    "an object": ("{}", "is no list of tasks"),
    "nesting": ("[" * 100_000, "is no JSON"),
    "another project's tasks": ('[{"data": {"text": "x"}}]', "task 1: has no data.row_id"),
    "another sample": (
        json.dumps(exported([answer()], data={"sample_id": "beef"})),
        "verdict of sample beef, not of 0123",
    ),
    "another run": (json.dumps(exported([answer()], data={"run_id": "old"})), "verdict of run old"),
    "an unknown control": (json.dumps(exported([answer("rude")])), "'rude' asks for no label of this sample"),
    "a word of its own": (json.dumps(exported([answer(word="perhaps")])), "'perhaps' is not one of yes, no, unsure"),
    "no value": (json.dumps(exported([answer() | {"value": 3}])), "has no choices"),
    "an annotation that is none": (
        json.dumps(exported([]))[:-3].replace('[{"id": 9', '["x", {"id": 9') + "}]",
        "not as",
    ),
    "a result that is none": (json.dumps(exported("x")), "an annotation is not as Label Studio writes it"),
}


@pytest.mark.parametrize("kind", ODD_TASKS)
def test_an_odd_export_is_refused_with_one_line(kind, tmp_path) -> None:
    folder, file = sample_by_hand(tmp_path), tmp_path / "export.json"
    content, message = ODD_TASKS[kind]
    if kind == "an annotation that is none":
        content = json.dumps([{"data": exported([])[0]["data"], "annotations": ["x"]}])
    file.write_text(content, encoding="utf-8")
    with pytest.raises(UsageError, match=message.replace(".", r"\.")) as caught:
        list(read_annotations(folder, file, None))
    assert str(file) in str(caught.value) and str(caught.value).isprintable()


ODD_TABLES = {
    "no label": ("row_id,verdict,reviewer\nr1,yes,Anna\n", "no column 'label'"),
    "no reviewer": ("row_id,label,verdict\nr1,insult,yes\n", "no column 'reviewer'; name one reviewer of all with"),
    "another sample": (
        "row_id,label,verdict,reviewer,sample_id\nr1,insult,yes,Anna,beef\n",
        "row 1: is a verdict of sample",
    ),
    "another run": ("row_id,label,verdict,reviewer,run_id\nr1,insult,yes,Anna,old\n", "row 1: is a verdict of run old"),
    "cells too few": ("row_id,label,verdict,reviewer\nr1,insult\n", "a row has other than the 4 cells"),
    "cells too many": ("row_id,label,verdict,reviewer\nr1,insult,yes,Anna,9,9\n", "a row has other than the"),
    "an open quote": ('row_id,label,verdict,reviewer\n"r1,insult,yes,Anna\n', "is no CSV file"),
}


@pytest.mark.parametrize("kind", ODD_TABLES)
def test_an_odd_table_is_refused_with_one_line(kind, tmp_path) -> None:
    folder, file = sample_by_hand(tmp_path), tmp_path / "in.csv"
    content, message = ODD_TABLES[kind]
    file.write_text(content, encoding="utf-8")
    with pytest.raises(UsageError, match=message):
        append(folder, read_table(folder, file, None))
    assert verdicts(folder) == []


def test_files_that_are_no_parquet_no_text_or_not_there_are_named(tmp_path) -> None:
    folder = sample_by_hand(tmp_path)
    (tmp_path / "a.parquet").write_bytes(b"PAR1 nothing")
    (tmp_path / "b.csv").write_bytes(b"row_id,label,verdict,reviewer\n\xff\xfe,x,y,z\n")
    for name, message in (("a.parquet", "as Parquet"), ("b.csv", "not UTF-8"), ("c.csv", "cannot be read")):
        with pytest.raises(UsageError, match=f"{name}: .*{message}"):
            list(read_table(folder, tmp_path / name, None))
    with pytest.raises(UsageError, match=r"must end in \.parquet, \.csv or \.json"):
        importer(tmp_path / "d.xlsx")


def test_a_file_of_somebody_elses_needs_only_three_columns_and_a_name(tmp_path) -> None:
    folder = sample_by_hand(tmp_path)
    pq.write_table(
        pa.table({"id": ["r1", "r2"], "label": ["insult"] * 2, "verdict": ["yes", "no"]}), tmp_path / "x.parquet"
    )
    assert append(folder, read_table(folder, tmp_path / "x.parquet", "Anna")) == 2
    assert {(entry.row_id, entry.reviewer, entry.verdict) for entry in verdicts(folder)} == {
        ("r1", "Anna", "yes"),
        ("r2", "Anna", "no"),
    }


def test_a_larger_share_for_two_reviewers_holds_the_rows_of_a_smaller_one() -> None:
    rows = [f"t1_{number}" for number in range(4000)]
    tenth = {row for row in rows if meant_for_two(row, "2026-01-01", 7, 0.1)}
    fifth = {row for row in rows if meant_for_two(row, "2026-01-01", 7, 0.2)}
    assert tenth < fifth and 330 < len(tenth) < 470 and 720 < len(fifth) < 880
    assert tenth != {row for row in rows if meant_for_two(row, "2026-01-01", 8, 0.1)}
    assert not any(meant_for_two(row, "x", 7, 0.0) for row in rows) and meant_for_two("a", "x", 7, 1.0)


def test_what_is_left_to_do_is_two_words_on_the_share_and_a_third_on_disagreement(tmp_path) -> None:
    folder = sample_by_hand(tmp_path)
    set_second_share(folder, 0.0)

    def left(name: str) -> list[str]:
        return list(to_do(folder, name).row_id)

    def judge(row: str, name: str, word: str) -> None:
        append(folder, [Verdict(row, label, name, word) for label in THRESHOLDS])

    assert left("Anna") == left("Ben") == [f"r{number}" for number in range(8)]
    judge("r0", "Anna", "yes")
    assert left("Anna") == left("Ben") == [f"r{number}" for number in range(1, 8)]
    set_second_share(folder, 1.0)
    assert left("Ben")[0] == "r0" and left("Anna")[0] == "r1"
    judge("r0", "Ben", "no")
    assert (left("Ben")[0], left("Anna")[0], left("Cleo")[0]) == ("r1", "r1", "r0")
    judge("r0", "Cleo", "no")
    assert left("Dan")[0] == "r1"
    append(folder, [Verdict("r1", "insult", "Anna", "yes")])
    assert left("Anna")[0] == "r1", "a row is done when every label was judged"


def run(*words: str) -> int:
    return exit_code(lambda: app(list(words), standalone_mode=False))


def test_the_commands_store_export_and_show_disagreements(tmp_path, capsys) -> None:
    folder = sample_by_hand(tmp_path)
    common = ("--output", str(tmp_path), "--sample", "0123")
    for name, word in (("anna", "yes"), ("ben", "no")):
        one = ("--row", "r1", "--label", "insult", "--verdict", word, "--reviewer", name)
        assert run("audit", "verdicts", "add", *one, *common) == 0
    assert run("audit", "verdicts", "export", "--to", str(tmp_path / "v.csv"), *common) == 0
    assert run("audit", "verdicts", "import", str(tmp_path / "v.csv"), *common) == 0
    assert run("audit", "verdicts", "export", "--to", str(tmp_path / "t.json"), "--reviewer", "cleo", *common) == 0
    assert run("audit", "verdicts", "disagreements", *common) == 0
    assert run("audit", "verdicts", "agree", *common) == 0
    told = capsys.readouterr().out
    assert "2 verdicts in" in told and "0 verdicts stored, 2 were there already" in told
    assert "2026-01-02  r1  insult: yes anna; no ben" in told and "1 wait for another reviewer" in told
    assert "anna and ben (Cohen; few rows (1): says little)" in told
    assert run("audit", "verdicts", "add", "--row", "r9", *one[2:], *common) == 2
    assert "no row with this id is in sample 0123456789ab" in capsys.readouterr().err
    assert len(verdicts(folder)) == 2
