"""Reading dumps: columns, days, broken rows."""

import datetime
import json
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from moderation.config import Columns, Config
from moderation.contracts import contract
from moderation.runs.inputs import find_inputs
from moderation.runs.shards import parts_of, shards_of
from moderation.spark.layout import layout
from moderation.spark.read import read_comments
from moderation.spark.source import Reader, source
from tests.dumps import DAY, NEXT_DAY, comment, text_array, write_dump


def read(spark, *paths: Path, **settings):
    config = Config(input=list(paths), **settings)
    files = find_inputs(config.input, config.columns)
    found = layout(files, config.columns)
    shards = shards_of(files)
    comments = read_comments(source(spark, Reader(shards, parts_of(shards, 2), found)), config, "run-1")
    good = sorted((row.asDict() for row in comments.good.collect()), key=lambda row: row["id"])
    broken = [row.asDict() for row in comments.broken.orderBy("source_file", "row").collect()]
    return good, broken, comments, found


def days(rows) -> list[str]:
    return [row["date"] for row in rows]


def test_columns_that_nobody_knows_are_carried_through(spark, tmp_path) -> None:
    dump = write_dump(tmp_path / "a.parquet", [comment("1", "hi", colour="red", nested={"x": [1]})])
    (row,), *_ = read(spark, dump)
    assert (row["colour"], row["nested"]["x"]) == ("red", [1])


def test_mapped_columns_get_the_names_of_the_contract(spark, tmp_path) -> None:
    dump = write_dump(tmp_path / "a.parquet", [{"key": 7, "Text": "hi", "when": DAY}])
    columns = Columns(id="key", body="Text", created_utc="when")
    (row,), *_ = read(spark, dump, columns=columns)
    assert (row["id"], row["body"], row["date"]) == ("7", "hi", "2026-01-05")


def test_input_columns_that_clash_with_the_output_get_a_prefix(spark, tmp_path) -> None:
    dump = write_dump(tmp_path / "a.parquet", [comment("1", "hi", labels="mine", date="x")])
    (row,), _, _, found = read(spark, dump)
    assert (row["input_labels"], row["input_date"]) == ("mine", "x")
    assert found.renamed == {"labels": "input_labels", "date": "input_date"}


MOMENT = datetime.datetime(2026, 1, 5, 23, 30, tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    "column",
    [
        pa.array([int(MOMENT.timestamp())]),
        pa.array([float(MOMENT.timestamp())]),
        pa.array([str(int(MOMENT.timestamp()))]),
        pa.array(["2026-01-05T23:30:00Z"]),
        pa.array(["2026-01-06 01:30:00+02:00"]),
        pa.array([MOMENT], pa.timestamp("us", "UTC")),
        pa.array([MOMENT], pa.timestamp("ms", "UTC")),
        pa.array([MOMENT], pa.timestamp("ns", "UTC")),
        pa.array([MOMENT.replace(tzinfo=None)], pa.timestamp("us")),
        pa.array([MOMENT.replace(tzinfo=None)], pa.timestamp("ns")),
        pa.array([MOMENT.date()], pa.date32()),
    ],
    ids=lambda column: str(column.type),
)
def test_a_time_in_any_form_gives_its_utc_day(spark, tmp_path, column) -> None:
    path = tmp_path / "a.parquet"
    parquet.write_table(pa.table({"id": ["1"], "body": ["hi"], "created_utc": column}), path)
    good, broken, *_ = read(spark, path)
    assert (days(good), broken) == (["2026-01-05"], [])


def test_a_missing_time_is_the_unknown_day(spark, tmp_path) -> None:
    good, *_ = read(spark, write_dump(tmp_path / "a.parquet", [comment("1", "hi", None), comment("2", "ho")]))
    assert days(good) == ["unknown", "2026-01-05"]


def test_without_times_all_rows_are_of_the_day_that_was_named(spark, tmp_path) -> None:
    dump = write_dump(tmp_path / "a.parquet", [{"id": "1", "body": "hi"}])
    assert days(read(spark, dump)[0]) == ["unknown"]
    assert days(read(spark, dump, date=datetime.date(2026, 2, 3))[0]) == ["2026-02-03"]


def test_with_times_a_date_keeps_its_day_and_counts_the_others(spark, tmp_path) -> None:
    rows = [comment("1", "a"), comment("2", "b", NEXT_DAY), comment("3", "c", None), comment(None, "d", NEXT_DAY)]
    good, broken, comments, _ = read(spark, write_dump(tmp_path / "a.parquet", rows), date=datetime.date(2026, 1, 5))
    assert ([row["id"] for row in good], broken, comments.other_dates.count()) == (["1"], [], 3)


def test_broken_rows_go_to_quarantine_with_their_reason_and_place(spark, tmp_path) -> None:
    table = pa.table(
        {
            "id": text_array([b"1", None, b" ", b"\xff", b"5", b"6", b"7", b"8"]),
            "body": text_array([b"fine", b"b", b"c", b"d", None, b"half \xf0\x9f", b"g", "né".encode()]),
            "created_utc": [str(DAY)] * 6 + ["yesterday", str(DAY)],
        }
    )
    parquet.write_table(table, tmp_path / "a b.parquet")
    good, broken, *_ = read(spark, tmp_path)
    assert [row["id"] for row in good] == ["1", "8"]
    assert [(row["row"], row["reason"]) for row in broken] == [
        (1, "id_missing"),
        (2, "id_missing"),
        (3, "id_not_text"),
        (4, "body_missing"),
        (5, "body_not_text"),
        (6, "timestamp_unreadable"),
    ]
    assert {row["source_file"] for row in broken} == {(tmp_path / "a b.parquet").as_uri()}
    assert {row["reason"] for row in broken} <= set(contract("quarantine")["reasons"])
    assert json.loads(broken[4]["raw"]) == {"id": "6", "body": "half \ufffd", "created_utc": str(DAY)}


def test_a_body_of_bytes_is_read_as_utf8(spark, tmp_path) -> None:
    parquet.write_table(
        pa.table({"id": ["1", "2"], "body": pa.array(["grüße".encode(), b"\xff\xfe"])}), tmp_path / "a.parquet"
    )
    (row,), (bad,), *_ = read(spark, tmp_path)
    assert (row["body"], bad["reason"]) == ("grüße", "body_not_text")


@pytest.mark.parametrize("moment", [-(10**15), 10**15, float("nan"), float("inf")])
def test_times_that_no_calendar_holds_are_quarantined(spark, tmp_path, moment) -> None:
    rows = [comment("1", "a", moment), comment("2", "b", type(moment)(DAY))]
    good, broken, *_ = read(spark, write_dump(tmp_path / "a.parquet", rows))
    assert ([row["id"] for row in good], [row["reason"] for row in broken]) == (["2"], ["timestamp_unreadable"])


def test_folders_with_keys_in_their_names_give_columns(spark, tmp_path) -> None:
    write_dump(tmp_path / "dump/date=2020-01-01/lang=de/a.parquet", [comment("1", "hi")])
    (row,), *_ = read(spark, tmp_path / "dump")
    assert (row["lang"], row["date"]) == ("de", "2026-01-05")


def test_files_that_lack_a_column_give_nulls_for_it(spark, tmp_path) -> None:
    write_dump(tmp_path / "a.parquet", [comment("1", "hi")])
    write_dump(tmp_path / "b.parquet", [comment("2", "ho", colour="red")])
    good, *_ = read(spark, tmp_path)
    assert [row["colour"] for row in good] == [None, "red"]


def test_paths_with_odd_characters_are_taken_literally(spark, tmp_path) -> None:
    folder = tmp_path / "a [1]{b}*+ü %20#"
    write_dump(folder / "x?y.parquet", [comment("1", "hi")])
    write_dump(tmp_path / "a 1" / "x.parquet", [comment("2", "ho")])
    good, *_ = read(spark, folder)
    assert [row["id"] for row in good] == ["1"]
    assert good[0]["input_key"] == find_inputs([folder], Columns())[0].key
