"""CSV, TSV and Parquet of other tools become rows of the one schema through a mapping of columns."""

import datetime
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from tests.dumps import text_array
from tests.ingest.ingested import quarantine, reasons, refusal, rows, take
from tests.ingest.made_up import comment, write

NEW_YEAR = datetime.datetime(2016, 1, 1, tzinfo=datetime.UTC)
SECOND = 1451606400
MAPPING = {"body": "text", "id": "post_id", "created_utc": "when"}


def save(path: Path, **columns: object) -> Path:
    """Writes a Parquet file."""
    parquet.write_table(pa.table(columns), path)
    return path


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".csv.zst", ".tsv", ".tsv.xz"])
def test_a_table_of_text_is_read_through_a_mapping(suffix: str, tmp_path: Path) -> None:
    gap = "\t" if "tsv" in suffix else ","
    table = [["post_id", "when", "text", "score", "unknown"], ["1", "2016-01-01", '"two\nlines, ""quoted"""', "5", "x"]]
    table += [["2", str(SECOND), "é", "", "y"]]
    dump = write(tmp_path / f"posts{suffix}", "\n".join(gap.join(record) for record in table).encode())
    ((_, record),) = take(dump, output=tmp_path / "out", mapping=MAPPING)
    assert (record.lines, record.rows) == (2, 2)
    found = rows(tmp_path / "out")
    assert [(row["id"], row["body"], row["score"]) for row in found] == [
        ("1", 'two\nlines, "quoted"', 5),
        ("2", "é", None),
    ]
    assert {row["created_utc"] for row in found} == {NEW_YEAR}


def test_broken_records_are_told_by_their_first_line(tmp_path: Path) -> None:
    content = b'id,body\n1,"two\nlines"\n2\n\n3,a,b\n4,\xff\n,x\n"  ",x\n5,fine\r\n6,"never closed\n7,x\n'
    ((_, record),) = take(write(tmp_path / "x.csv", content), output=tmp_path / "out")
    assert reasons(tmp_path / "out") == [
        *((4, "wrong_columns"), (6, "wrong_columns"), (7, "not_utf8"), (8, "id_missing"), (9, "id_missing"))
    ]
    assert [row["body"] for row in rows(tmp_path / "out")] == ["two\nlines", "fine", "never closed\n7,x\n"]
    assert (record.lines, record.rows, record.quarantined, record.blank) == (9, 3, 5, 1)


def test_a_field_without_end_costs_one_record_and_bounded_memory(tmp_path: Path) -> None:
    content = b'id,body\n1,ok\n2,"' + (b"never closed " * 100 + b"\n") * 14_000 + b"3,ok\n"
    ((_, record),) = take(write(tmp_path / "x.csv", content), output=tmp_path / "out")
    assert "not_csv" in record.reasons
    assert record.lines == record.rows + record.quarantined
    assert max(len(row["raw"]) for row in quarantine(tmp_path / "out")) <= 2000


def test_the_lines_of_json_of_anyone_are_read_through_a_mapping(tmp_path: Path) -> None:
    dump = write(tmp_path / "x.jsonl", b'{"post_id": 7, "text": "hello", "when": "2016-01-01T00:00:00+00:00"}\n')
    take(dump, output=tmp_path / "out", mapping=MAPPING)
    (row,) = rows(tmp_path / "out")
    assert (row["id"], row["body"], row["created_utc"]) == ("7", "hello", NEW_YEAR)


def test_nanoseconds_and_ids_of_two_types_are_read_right(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    frame = pd.DataFrame({"id": [1, 2], "body": ["a", "b"], "created_utc": pd.to_datetime([NEW_YEAR] * 2)})
    frame.astype({"created_utc": "datetime64[ns, UTC]"}).to_parquet(tmp_path / "in/pandas.parquet")
    assert "ns" in str(parquet.read_schema(tmp_path / "in/pandas.parquet").field("created_utc").type)
    save(tmp_path / "in/other.parquet", id=["3x"], body=["c"], created_utc=pa.array([NEW_YEAR.replace(tzinfo=None)]))
    take(tmp_path / "in", output=tmp_path / "out")
    found = rows(tmp_path / "out")
    assert sorted(row["id"] for row in found) == ["1", "2", "3x"]
    assert {(row["created_utc"], row["date"]) for row in found} == {(NEW_YEAR, "2016-01-01")}


def test_broken_rows_of_parquet_are_told_by_their_number(tmp_path: Path) -> None:
    path = save(
        tmp_path / "x.parquet",
        id=pa.array(["a", None, " ", "d", "e", "f"]),
        body=text_array([b"ok", b"x", b"x", None, b"\xff", b"x"]),
        created_utc=pa.array([1.0, 1.0, 1.0, 1.0, 1.0, 1e300]),
        score=pa.array(["1", "2", "3", "4", "5", "6"]),
    )
    ((_, record),) = take(path, output=tmp_path / "out")
    assert reasons(tmp_path / "out") == [
        *((2, "id_missing"), (3, "id_missing"), (4, "body_missing"), (5, "body_not_text"), (6, "timestamp_unreadable"))
    ]
    assert [(row["id"], row["score"]) for row in rows(tmp_path / "out")] == [("a", 1)]
    assert record.lines == 6


@pytest.mark.parametrize("type_", [pa.large_string(), pa.binary(), pa.large_binary(), pa.string_view(), "dictionary"])
def test_text_of_any_arrow_type_is_text(type_, tmp_path: Path) -> None:
    body = pa.array(["ä", "b", "ä"])
    body = body.dictionary_encode() if type_ == "dictionary" else body.cast(type_)
    take(save(tmp_path / "x.parquet", id=pa.array([1, 2, 3], pa.uint16()), body=body), output=tmp_path / "out")
    assert [row["body"] for row in rows(tmp_path / "out")] == ["ä", "b", "ä"]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"id": ["a"], "body": [5]}, "column 'body' holds int64"),
        ({"id": ["a"], "body": [["x"]]}, "column 'body' holds list<"),
        ({"id": [1.5], "body": ["x"]}, "column 'id' holds double"),
        ({"name": ["a"], "body": ["x"]}, "no column 'id'; name the id's with --map id=..., one of name, body"),
        ({"id": ["a"], "words": ["x"]}, "no column 'body'; name the text's with --map body=..., one of id, words"),
    ],
)
def test_columns_that_cannot_be_what_they_should_are_named(columns, message: str, tmp_path: Path) -> None:
    assert message in refusal(save(tmp_path / "x.parquet", **columns), output=tmp_path / "out")


def test_parquet_that_is_cut_off_is_refused_in_one_line(tmp_path: Path) -> None:
    path = save(tmp_path / "x.parquet", id=["a"] * 1000, body=["x"] * 1000)
    path.write_bytes(path.read_bytes()[:-20])
    message = refusal(path, output=tmp_path / "out", allow_truncated=True)
    assert "not a readable Parquet file" in message
    assert "\n" not in message


def test_a_table_of_submissions_needs_a_title(tmp_path: Path) -> None:
    path = save(tmp_path / "RS_x.parquet", id=["a"], title=["Title"], selftext=["Text"])
    take(path, output=tmp_path / "out")
    assert rows(tmp_path / "out")[0]["body"] == "Title\n\nText"
    assert "no column 'title'" in refusal(
        save(tmp_path / "RS_y.parquet", id=["a"], body=["x"]), output=tmp_path / "out"
    )


def test_the_kind_and_the_format_can_be_given(tmp_path: Path) -> None:
    row = comment(1)
    write(tmp_path / "RC_x", f"id\tbody\n{row['id']}\tx\n".encode())
    take(tmp_path / "RC_x", output=tmp_path / "out", format="tsv", kind="comment")
    assert [found["body"] for found in rows(tmp_path / "out")] == ["x"]
