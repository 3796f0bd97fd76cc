"""Lines become rows of the one schema, or go to quarantine with their number and reason."""

import datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from moderation.ingest.fields import schema
from moderation.ingest.lines import Block
from moderation.ingest.ndjson import NdJson
from tests.ingest.ingested import one_row, quarantine, reasons, rows, take, take_lines
from tests.ingest.made_up import YEARS, comment, line, submission, write


@pytest.mark.parametrize("year", YEARS)
def test_every_year_has_the_one_schema(year: int, tmp_path: Path) -> None:
    expected = comment(500, year)
    take(write(tmp_path / "RC_x.zst", [line(expected)]), output=tmp_path / "out")
    (file,) = (tmp_path / "out").glob("date=*/*.parquet")
    assert parquet.ParquetFile(file).schema_arrow.equals(schema())
    (row,) = rows(tmp_path / "out")
    created = datetime.datetime.fromtimestamp(float(expected["created_utc"]), datetime.UTC)
    assert row["created_utc"] == created
    assert row["date"] == str(created.date())
    assert row["kind"] == "comment"
    assert row["distinguished"] == expected["distinguished"]
    for name in ("id", "body", "author", "subreddit", "score", "parent_id", "link_id", "controversiality"):
        assert row[name] == expected[name]
    for name in ("permalink", "author_fullname", "locked", "collapsed"):
        assert row[name] == expected.get(name)


@pytest.mark.parametrize(
    ("edited", "flag", "when"),
    [
        (False, False, None),
        (True, True, None),
        (1451606400.0, True, 2016),
        (1451606400, True, 2016),
        (None, None, None),
    ],
)
def test_edits_are_typed(edited, flag, when, tmp_path: Path) -> None:
    row = one_row(tmp_path, edited=edited)
    assert row["edited"] == flag
    assert (row["edited_utc"] and row["edited_utc"].year) == when


def test_what_archivers_note_of_removals_is_kept(tmp_path: Path) -> None:
    assert one_row(tmp_path, _meta={"removal_type": "deleted"})["removal_type"] == "deleted"
    assert one_row(tmp_path, _meta=7)["removal_type"] is None


def test_title_and_text_of_a_submission_are_its_body(tmp_path: Path) -> None:
    given = [
        submission(1, title="Title", selftext="Text"),
        submission(2, title="Title", selftext=""),
        submission(3, title="Title", selftext="[removed]"),
        submission(4, title=None, selftext="Text"),
        submission(5, title=None, selftext=None),
    ]
    record = take_lines(tmp_path, *given, name="RS_2020-05.ndjson")
    found = rows(tmp_path / "out")
    assert [row["body"] for row in found] == ["Title\n\nText", "Title", "Title", "Text"]
    assert [row["id"] for row in found] == [f"t3_{row['id']}" for row in given[:4]]
    assert {(row["kind"], row["parent_id"], row["link_id"]) for row in found} == {("submission", None, None)}
    assert found[0]["over_18"] is False
    assert found[0]["url"] == "https://example.org/1"
    assert record.reasons == {"body_missing": 1}


def test_where_the_name_says_nothing_each_row_tells_its_kind(tmp_path: Path) -> None:
    take_lines(tmp_path, comment(1), submission(2), comment(3), name="mixed.jsonl")
    assert sorted(row["kind"] for row in rows(tmp_path / "out")) == ["comment", "comment", "submission"]


BROKEN = [
    (b'{"id": "a", "body": "x"', "not_json"),
    (b"", None),
    (b" \t ", None),
    (b"hello", "not_json"),
    (b'{"id": "a", "body": "x", "score": NaN}', "not_json"),
    (b'{"id": "a", "body": "x"} {"id": "b", "body": "y"}', "not_json"),
    (b'{"id": "a", "body": "x\x00"}', "not_json"),
    (b"\x00" * 20 + b'{"id": "a", "body": "x"}', "not_json"),
    (b'{"id": "a", "body": ' + b"[" * 100_000, "not_json"),
    (b'["id", "body"]', "not_object"),
    (b"null", "not_object"),
    (b'{"id": "a", "body": "\xff"}', "not_utf8"),
    (b'{"id": "a", "body": "x", "nobody_reads": "\xff"}', "not_utf8"),
    (b'{"id": "a", "body": "\\ud800"}', "lone_surrogate"),
    (b'{"id": "a", "body": "\\udc00\\ud800 twice"}', "lone_surrogate"),
    (b'{"id": "a", "id": "b", "body": "x"}', "duplicate_key"),
    (b'{"id": "a", "body": "x", "body" : "y"}', "duplicate_key"),
    (b'{"body": "x"}', "id_missing"),
    (b'{"id": null, "body": "x"}', "id_missing"),
    (b'{"id": "  ", "body": "x"}', "id_missing"),
    (b'{"id": {}, "body": "x"}', "id_not_text"),
    (b'{"id": 1.5, "body": "x"}', "id_not_text"),
    (b'{"id": true, "body": "x"}', "id_not_text"),
    (b'{"id": "a"}', "body_missing"),
    (b'{"id": "a", "body": null}', "body_missing"),
    (b'{"id": "a", "body": 5}', "body_not_text"),
    (b'{"id": "a", "body": ["x"]}', "body_not_text"),
    (b'{"id": "a", "body": "x", "created_utc": "yesterday"}', "timestamp_unreadable"),
    (b'{"id": "a", "body": "x", "created_utc": 1e300}', "timestamp_unreadable"),
    (b'{"id": "a", "body": "x", "created_utc": true}', "timestamp_unreadable"),
]


@pytest.mark.parametrize("number", range(len(BROKEN)))
def test_a_broken_line_among_good_ones_is_told_by_number_and_reason(number: int, tmp_path: Path) -> None:
    broken, reason = BROKEN[number]
    record = take_lines(tmp_path, comment(1), comment(2), broken, comment(3))
    assert (record.lines, record.rows) == (4, 3)
    assert (record.quarantined, record.blank) == ((1, 0) if reason else (0, 1))
    assert reasons(tmp_path / "out") == ([(3, reason)] if reason else [])


def test_all_broken_lines_at_once_keep_their_order_and_source(tmp_path: Path) -> None:
    record = take_lines(tmp_path, comment(1), *(broken for broken, _ in BROKEN), comment(2))
    expected = [(number, reason) for number, (_, reason) in enumerate(BROKEN, 2) if reason]
    assert reasons(tmp_path / "out") == expected
    assert record.rows == 2
    found = quarantine(tmp_path / "out")
    assert {row["source_file"] for row in found} == {(tmp_path / "RC_x.ndjson").as_uri()}
    assert all(len(row["raw"]) <= 2000 for row in found)
    assert max(row["bytes"] for row in found) > 100_000


def test_odd_values_that_a_row_can_do_without_are_null_and_counted(tmp_path: Path) -> None:
    odd = {"score": "many", "author": {}, "stickied": "maybe", "retrieved_on": "never", "edited": {}, "gilded": 2.5}
    record = take_lines(tmp_path, comment(1), comment(2, **odd), comment(3, score="12", id=77, parent_id=99))
    found = rows(tmp_path / "out")
    assert [row["score"] for row in found][1:] == [None, 12]
    assert all(found[1][name] is None for name in ("author", "stickied", "retrieved_utc", "edited", "gilded"))
    assert (found[2]["id"], found[2]["parent_id"]) == ("77", "99")
    assert record.odd_values == {
        **{"author": 1, "edited": 1, "gilded": 1, "retrieved_utc": 1, "score": 1, "stickied": 1}
    }


def test_a_row_without_a_date_is_of_an_unknown_day(tmp_path: Path) -> None:
    take_lines(tmp_path, *(comment(n, created_utc=value) for n, value in enumerate([None, "", "2024-05-01T10:00:00"])))
    assert sorted(row["date"] for row in rows(tmp_path / "out")) == ["2024-05-01", "unknown", "unknown"]


def test_text_is_kept_to_the_letter(tmp_path: Path) -> None:
    body = 'NUL \x00 and \u2028 "quotes" \\ \r\n 🙂 é'
    assert one_row(tmp_path, body=body)["body"] == body


PIECES = st.one_of(
    st.binary(max_size=30),
    st.sampled_from([line(comment(n, year)) for n, year in enumerate(YEARS)]),
    st.sampled_from([broken + b"\n" for broken, _ in BROKEN if len(broken) < 1000]),
    st.sampled_from([b"\n", b"\r\n", b"\xef\xbb\xbf", b"{", b"}", b'"', b"\x00", b'{"id":"\\ud83d","body":"']),
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.lists(PIECES, max_size=12).map(b"".join), name=st.sampled_from(["RC_x", "x.csv", "x.tsv", "RS_x.gz"]))
def test_any_bytes_are_a_file_of_which_every_line_is_accounted_for(content, name, tmp_path_factory) -> None:
    folder = tmp_path_factory.mktemp("any")
    text = b"id,body\nid\tbody\n" + content if "sv" in name else content
    text = text.removeprefix(b"id,body\n") if "tsv" in name else text
    ((_, record),) = take(write(folder / name, text), output=folder / "out")
    assert record.lines == record.rows + record.quarantined + record.blank
    if "sv" not in name:
        content = content.removeprefix(b"\xef\xbb\xbf")
        assert record.lines == content.count(b"\n") + bool(content and not content.endswith(b"\n"))
    assert len(rows(folder / "out")) == record.rows
    assert len(quarantine(folder / "out")) == record.quarantined


VALUES = st.one_of(
    *(st.none(), st.booleans(), st.integers(), st.text(max_size=3)),
    st.floats(allow_nan=False, allow_infinity=False),
)
ROWS = st.one_of(
    st.sampled_from([comment(number, year) for number, year in enumerate(YEARS)]),
    st.builds(
        lambda key, value: {"id": "a", "body": "b", key: value},
        st.sampled_from(["id", "body", "score", "edited", "created_utc", "gilded"]),
        VALUES,
    ),
)


@settings(max_examples=50)
@given(found=st.lists(ROWS, min_size=1, max_size=5))
def test_the_fast_parser_and_the_one_that_takes_any_json_give_the_same_rows(found: list[dict[str, object]]) -> None:
    texts = [line(row).strip() for row in found]
    block = Block(1, b"\n".join(texts))
    reader, slow = NdJson("comment", {}), NdJson("comment", {})
    slow.decode = slow.decode_lines = refuse
    fast, careful = reader.read(block), slow.read(block)
    assert fast.table.equals(careful.table)
    assert [one[:2] for one in fast.rejected] == [one[:2] for one in careful.rejected]


def refuse(content: bytes) -> object:
    """A parser that takes nothing."""
    raise msgspec.DecodeError


PARTS = [b'{"id":"a","body":"b"}', b'{"id":"a",\n"body":"b"}', b"\n", b"{", b"}", b'"id":"c"', b" ", b"\r", b","]


@settings(max_examples=100)
@given(pieces=st.lists(st.sampled_from(PARTS), max_size=9))
def test_a_line_is_never_joined_with_the_next_nor_cut_in_two(pieces: list[bytes]) -> None:
    content = b"".join(pieces)
    whole = NdJson("comment", {}).read(Block(1, content))
    lines_ = [NdJson("comment", {}).read(Block(n, one)) for n, one in enumerate(content.split(b"\n"), 1)]
    assert whole.table["id"].to_pylist() == [id_ for one in lines_ for id_ in one.table["id"].to_pylist()]
    assert whole.rejected == [rejected for one in lines_ for rejected in one.rejected]
