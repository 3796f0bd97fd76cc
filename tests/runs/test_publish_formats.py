"""Both formats publish the same rows in the same files and columns; what differs is how readers get at them."""

import json
from pathlib import Path

import duckdb
import pytest
from deltalake import DeltaTable
from pyarrow import parquet

from moderation.config import Config
from moderation.errors import UsageError
from moderation.runs.manifest import read_manifests
from moderation.runs.publish import Scope, found_format, kept_files, publish
from moderation.runs.run import Run
from tests.runs.publications import MONDAY, TUESDAY, WEDNESDAY, publication, stage, state

FORMATS = pytest.mark.parametrize("kind", ["parquet", "delta"])


@FORMATS
def test_a_run_replaces_its_inputs_rows_on_every_date_and_nobody_elses(tmp_path, kind) -> None:
    first = publication(tmp_path, {"aa": {MONDAY: 3, TUESDAY: 2}, "bb": {MONDAY: 4}}, kind)
    second = publication(tmp_path, {"aa": {MONDAY: 5, WEDNESDAY: 1}}, kind, files=2)
    assert state(tmp_path) == {
        (MONDAY, "aa"): {second.run_id: 5},
        (MONDAY, "bb"): {first.run_id: 4},
        (WEDNESDAY, "aa"): {second.run_id: 1},
    }
    assert (second.status, second.parent) == ("published", first.run_id)
    assert sorted(second.replaced) == [
        f"labelled/date={day}/aa-{first.run_id}-00000.parquet" for day in (MONDAY, TUESDAY)
    ]
    assert read_manifests(tmp_path)[-1]["tables"] == second.tables == ({"labelled": 1} if kind == "delta" else {})


@FORMATS
def test_labelled_and_quarantine_are_published_together(tmp_path, kind) -> None:
    with Run(Config(output=tmp_path, publish={"format": kind})) as run:
        for tree in ("labelled", "quarantine"):
            stage(run.staging / tree, {"aa": {MONDAY: 2}}, run.manifest.run_id)
        publish(run.output, run.staging, run.folder, Scope(frozenset({"aa"}), None), run.manifest)
    assert state(tmp_path) == state(tmp_path, "quarantine") == {(MONDAY, "aa"): {run.manifest.run_id: 2}}
    publication(tmp_path, {"aa": {MONDAY: 1}}, kind)
    assert state(tmp_path, "quarantine") == {}


@FORMATS
def test_files_that_stay_are_those_of_other_inputs_on_the_same_dates(tmp_path, kind) -> None:
    publication(tmp_path, {"aa": {MONDAY: 3}, "bb": {MONDAY: 4, TUESDAY: 1}}, kind)
    kept = kept_files(tmp_path, Scope(frozenset({"aa"}), None), {MONDAY})
    assert [(file.parent.name, file.name[:2]) for file in kept] == [(f"date={MONDAY}", "bb")]
    assert all(file.is_file() for file in kept)


@FORMATS
def test_an_output_of_the_other_format_is_refused_and_left_alone(tmp_path, kind) -> None:
    other = {"parquet": "delta", "delta": "parquet"}[kind]
    publication(tmp_path, {"aa": {MONDAY: 3}}, kind)
    before = state(tmp_path)
    with pytest.raises(UsageError, match=f"is published as {kind}, not {other}; give --format {kind} or another"):
        publication(tmp_path, {"aa": {MONDAY: 1}}, other)
    assert (found_format(tmp_path), state(tmp_path), len(read_manifests(tmp_path))) == (kind, before, 1)
    publication(tmp_path, {"aa": {MONDAY: 1}}, kind)  # the lock is free


def test_both_formats_have_the_same_columns(tmp_path) -> None:
    for kind in ("parquet", "delta"):
        publication(tmp_path / kind, {"aa": {MONDAY: 3}}, kind)
    plain = duckdb.sql(
        f"DESCRIBE FROM read_parquet('{tmp_path}/parquet/labelled/date=*/*.parquet', hive_types_autocast=0)"
    )
    table = DeltaTable(tmp_path / "delta/labelled")
    assert [row[0] for row in plain.fetchall()] == [field.name for field in table.schema().fields]
    assert table.metadata().partition_columns == ["date"]


def test_duckdb_reads_the_current_files_of_a_delta_table_with_their_dates(tmp_path) -> None:
    publication(tmp_path, {"aa": {MONDAY: 3, TUESDAY: 2}}, "delta")
    publication(tmp_path, {"aa": {MONDAY: 5}, "bb": {TUESDAY: 1}}, "delta", more="new")
    files = DeltaTable(tmp_path / "labelled").file_uris()
    rows = f"read_parquet({files!r}, hive_types_autocast=false, union_by_name=true)"
    counts = duckdb.sql(f"SELECT date, count(*), count(more) FROM {rows} GROUP BY 1 ORDER BY 1")
    assert counts.fetchall() == [(MONDAY, 5, 5), (TUESDAY, 1, 1)]


def test_spark_reads_the_current_files_of_a_delta_table(spark, tmp_path) -> None:
    publication(tmp_path, {"aa": {MONDAY: 3}, "bb": {MONDAY: 1}}, "delta")
    publication(tmp_path, {"aa": {MONDAY: 5}}, "delta")
    folder = tmp_path / "labelled"
    files = [f"file://{file}" for file in DeltaTable(folder).file_uris()]
    rows = spark.read.option("basePath", f"file://{folder}").parquet(*files)
    assert (rows.count(), [str(row.date) for row in rows.select("date").distinct().collect()]) == (6, [MONDAY])


def test_a_delta_table_gains_columns_and_fields_that_are_null_in_older_files(tmp_path) -> None:
    publication(tmp_path, {"aa": {MONDAY: 1}}, "delta", scores={"rude": 0.5}, spans=[{"start": 1}])
    publication(tmp_path, {"bb": {MONDAY: 1}}, "delta", scores={"spam": 0.5}, spans=[{"end": 1}], more=1)
    fields = {field.name: field.type for field in DeltaTable(tmp_path / "labelled").schema().fields}
    assert {field.name for field in fields["scores"].fields} == {"rude", "spam"}
    assert {field.name for field in fields["spans"].element_type.fields} == {"start", "end"}
    assert "more" in fields


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"score": "high"}, "column 'score' holds long in the Delta table, and string in this run"),
        ({"scores": {"rude": "high"}}, "column 'scores' column 'rude' holds double in the Delta table, and string"),
        ({"my column": 1}, "column 'my column' has a character that a Delta table's columns cannot have"),
        ({"Score": 1}, "columns 'score' and 'Score' are one column"),
    ],
)
def test_columns_that_a_delta_table_cannot_take_are_named_and_nothing_changes(tmp_path, columns, message) -> None:
    publication(tmp_path, {"aa": {MONDAY: 1}}, "delta", score=1, scores={"rude": 0.5})
    before, files = state(tmp_path), sorted(tmp_path.rglob("*.parquet"))
    with pytest.raises(UsageError, match=message) as error:
        publication(tmp_path, {"aa": {MONDAY: 1}}, "delta", **columns)
    assert "\n" not in str(error.value)
    assert (state(tmp_path), sorted(tmp_path.rglob("*.parquet"))) == (before, files)


@pytest.mark.parametrize("name", ["100%", "a\\b", "a\tb"])
def test_a_path_that_deltalake_cannot_read_back_is_refused_before_anything_is_written(tmp_path, name) -> None:
    with pytest.raises(UsageError, match="no Delta table can be where a path has"):
        publication(tmp_path / name, {"aa": {MONDAY: 1}}, "delta")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["a b", "é", "a#b?", "a'b[c]*"])
@FORMATS
def test_odd_paths_hold_either_format(tmp_path, name, kind) -> None:
    publication(tmp_path / name, {"aa": {MONDAY: 3}}, kind)
    run = publication(tmp_path / name, {"aa": {MONDAY: 1}}, kind)
    assert state(tmp_path / name) == {(MONDAY, "aa"): {run.run_id: 1}}


def test_a_delta_table_that_another_tool_compacted_is_refused(tmp_path) -> None:
    publication(tmp_path, {"aa": {MONDAY: 1}, "bb": {MONDAY: 1}}, "delta")
    DeltaTable(tmp_path / "labelled").optimize.compact()
    with pytest.raises(UsageError, match="not written by this program"):
        publication(tmp_path, {"aa": {MONDAY: 2}}, "delta")


def test_a_tree_on_another_file_system_is_refused_before_anything_changes(tmp_path) -> None:
    shm = Path("/dev/shm")
    if not shm.is_dir() or shm.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("one file system only")
    (tmp_path / "labelled").symlink_to(shm)
    with pytest.raises(UsageError, match="is on another file system than"):
        publication(tmp_path, {"aa": {MONDAY: 1}})
    assert not list(shm.glob("date=*"))


def test_a_delta_commit_names_its_run_and_counts_rows(tmp_path) -> None:
    run = publication(tmp_path, {"aa": {MONDAY: 3}}, "delta")
    table = DeltaTable(tmp_path / "labelled")
    assert table.history()[0]["run_id"] == run.run_id
    (log,) = (tmp_path / "labelled/_delta_log").glob("*.json")
    (add,) = [json.loads(line)["add"] for line in log.read_text().splitlines() if '"add"' in line]
    assert json.loads(add["stats"]) == {"numRecords": 3}
    assert parquet.read_metadata(tmp_path / "labelled" / add["path"]).num_rows == 3


@FORMATS
def test_a_first_publication_that_stops_after_its_journal_is_finished_by_the_next_run(
    tmp_path, kind, monkeypatch
) -> None:
    monkeypatch.setattr("moderation.runs.publish.carry_out", stop)
    with pytest.raises(KeyboardInterrupt):
        publication(tmp_path, {"aa": {MONDAY: 3}}, kind)
    assert state(tmp_path) == {} or kind == "delta"  # files of a table that is not there yet
    monkeypatch.undo()
    later = publication(tmp_path, {"bb": {MONDAY: 1}}, kind)
    first, _ = sorted(read_manifests(tmp_path), key=lambda one: one["run_id"] == later.run_id)
    assert (first["status"], first["error"], later.parent) == ("published", None, first["run_id"])
    assert state(tmp_path) == {(MONDAY, "aa"): {first["run_id"]: 3}, (MONDAY, "bb"): {later.run_id: 1}}


@FORMATS
def test_a_publication_that_stops_before_its_journal_leaves_nothing(tmp_path, kind, monkeypatch) -> None:
    monkeypatch.setattr("moderation.runs.publish.write_journal", stop)
    with pytest.raises(KeyboardInterrupt):
        publication(tmp_path, {"aa": {MONDAY: 3}}, kind)
    assert not list(tmp_path.rglob("*.parquet"))
    assert found_format(tmp_path) is None
    assert read_manifests(tmp_path)[0]["status"] == "failed"


def stop(*arguments: object) -> None:
    """What Ctrl-C does."""
    raise KeyboardInterrupt
