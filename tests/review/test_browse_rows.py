"""Browsing rows: what an address asks for is what plain Python finds, page by page, none skipped and none twice."""

import re
from pathlib import Path
from urllib.parse import parse_qsl

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.audit.published import find_run
from moderation.errors import UsageError
from moderation.review import browse_query, browse_rows
from moderation.review.browse_filter import BadFilter, Filter, band, read_filter, where
from moderation.review.browse_index import build, fresh, index_path, make_index
from moderation.review.browse_query import Index, facets, find_row, numbers_of, open_index
from moderation.review.browse_rows import page_of, rows_at, rows_of_file
from tests.review.browsed_run import IDS, LABELS, browsed_rows, publish, truth
from tests.review.hostile_strings import INJECTIONS
from tests.review.reviewed_run import RUN

ROWS = browsed_rows(400)


@pytest.fixture(scope="module")
def output(tmp_path_factory) -> Path:
    return publish(tmp_path_factory.mktemp("browsed") / "odd [1] *", ROWS)


@pytest.fixture(scope="module")
def index(output) -> Index:
    made = make_index(output, RUN)
    assert made["rows"] == len(ROWS)
    found = open_index(output, find_run(output, RUN))
    assert found is not None
    return found


def all_pages(index: Index, wanted: Filter) -> list[dict]:
    """Every row of a filter, by following the pages through their addresses."""
    found, address = [], wanted.query()
    for _ in range(1000):
        rows, following, _ = page_of(index, wanted)
        found += rows
        if following is None:
            return found
        address = wanted.query(after=following)
        wanted = read_filter(parse_qsl(address))
    raise AssertionError("the pages do not end")


def has(row: dict, label: str) -> bool:
    return label in row["labels"]


QUESTIONS = [
    (Filter(), lambda row: row["flagged"]),
    (Filter(flagged="any"), lambda row: True),
    (Filter(flagged="no"), lambda row: not row["flagged"]),
    (Filter(label=("insult",)), lambda row: has(row, "insult")),
    (Filter(label=("insult", "offensive")), lambda row: has(row, "insult") and has(row, "offensive")),
    (Filter(rule=("loud",), flagged="any"), lambda row: row["rules"] == ["loud"]),
    (Filter(entity=("LOC",), flagged="any"), lambda row: any(one["type"] == "LOC" for one in row["entities"])),
    (Filter(entity=("PER",), flagged="any"), lambda row: any(one["type"] == "PER" for one in row["entities"])),
    (Filter(subreddit=ROWS[3]["subreddit"]), lambda row: row["flagged"] and row["subreddit"] == ROWS[3]["subreddit"]),
    (Filter(action="remove", flagged="any"), lambda row: row["action"] == "remove"),
    (Filter(from_="2026-01-06"), lambda row: row["flagged"] and row["date"] == "2026-01-06"),
    (Filter(to="2026-01-05", flagged="any"), lambda row: row["date"] == "2026-01-05"),
    (Filter(from_="2027", flagged="any"), lambda row: False),
    (Filter(score="insult:0.5-0.6"), lambda row: row["flagged"] and 0.5 <= row["scores"]["insult"] <= 0.6),
    (Filter(score="offensive:0.99-1", flagged="any"), lambda row: row["scores"]["offensive"] >= 0.99),
    (Filter(subreddit="nosuch", flagged="any"), lambda row: False),
    (Filter(q="paris (7", flagged="any"), lambda row: "paris (7" in row["body"].casefold()),
    (Filter(q="<SCRIPT>"), lambda row: row["flagged"] and "<script>" in row["body"].casefold()),
]


@pytest.mark.parametrize(("wanted", "keep"), QUESTIONS)
def test_the_rows_of_a_filter_are_those_that_plain_python_finds_in_order_and_once(index, wanted, keep) -> None:
    expected = truth(ROWS, keep)
    assert [(row["id"], row["date"]) for row in all_pages(index, wanted)] == expected
    if not wanted.q:
        assert facets(index, wanted).rows == len(expected)


def test_the_highest_scores_come_first_and_rows_of_one_score_are_neither_skipped_nor_doubled(index) -> None:
    found = all_pages(index, Filter(flagged="any", sort="insult"))
    assert [row["scores"]["insult"] for row in found] == sorted(
        (row["scores"]["insult"] for row in found), reverse=True
    )
    assert len({row["n"] for row in found}) == len(found) == len(ROWS)  # each score is there four times


def test_the_counts_beside_a_filter_are_those_of_its_rows(index) -> None:
    found = facets(index, Filter(label=("insult",)))
    mine = [row for row in ROWS if has(row, "insult")]
    assert dict(found.values["label"]) == {label: sum(has(row, label) for row in mine) for label in LABELS}
    assert dict(found.values["rule"]) == {"loud": sum(bool(row["rules"]) for row in mine)}
    for kind, column in (("date", "date"), ("subreddit", "subreddit"), ("action", "action")):
        values = {row[column] for row in mine}
        assert dict(found.values[kind]) == {one: sum(row[column] == one for row in mine) for one in values}


def test_every_row_is_found_by_its_id_and_date_whatever_its_id(index) -> None:
    for row in ROWS[: len(IDS)]:
        found = rows_at(index, find_row(index, row["id"], row["date"]), None)
        assert [(one["id"], one["body"]) for one in found.values()] == [(row["id"], row["body"])]
    assert find_row(index, "nosuch", "2026-01-05") == find_row(index, ROWS[0]["id"], "2031-01-01") == []


@given(
    st.lists(st.tuples(st.sampled_from([*Filter.__dataclass_fields__, "from", "junk"]), st.sampled_from(INJECTIONS)))
)
@settings(max_examples=150)
def test_no_address_does_more_than_ask_or_be_refused(index, pairs) -> None:
    try:
        wanted = read_filter(pairs)
        condition, _ = where(wanted, index.numbers)
        rows, _, _ = page_of(index, wanted)
        facets(index, wanted)
    except BadFilter as error:
        assert len(str(error)) < 400
        return
    assert all(isinstance(row["n"], int) for row in rows)
    assert re.fullmatch(r"[a-zA-Z0-9_ ?=().]*", condition), condition  # names of ours, and marks for what is bound


@given(
    st.builds(
        Filter,
        label=st.lists(st.text(min_size=1), unique=True, max_size=3).map(tuple),
        subreddit=st.text(max_size=20),
        q=st.text(max_size=20),
        score=st.text(max_size=20),
        flagged=st.sampled_from(["yes", "no", "any"]),
        after=st.none() | st.integers(0, 10**12),
    )
)
@settings(max_examples=100)
def test_a_filter_survives_the_way_through_its_address(wanted) -> None:
    blank = {name: () if isinstance(value, tuple) else "" for name, value in vars(wanted).items()}
    kept = {
        name: tuple(one for one in value if one.strip()) if isinstance(value, tuple) else value
        for name, value in vars(wanted).items()
    }
    kept = {name: blank[name] if isinstance(one, str) and not one.strip() else one for name, one in kept.items()}
    address = wanted.query(after=wanted.after)
    assert read_filter(parse_qsl(address, keep_blank_values=True)) == Filter(**kept)


@pytest.mark.parametrize(
    "score", ["insult", "insult:", "insult:0.6-0.4", "insult:a-b", "insult:-1-2", ":0-1", "insult:nan-1"]
)
def test_a_band_that_is_none_is_refused(score) -> None:
    if score == "insult:":
        assert band(score) == ("insult", 0.0, 1.0)
        return
    with pytest.raises(BadFilter, match="label:low-high"):
        band(score)


def test_a_label_that_the_run_has_not_is_named_with_those_that_it_has(index) -> None:
    with pytest.raises(BadFilter, match="label: the run has no 'rude'; it has offensive, insult"):
        numbers_of(index, Filter(label=("rude",)))


def test_a_search_shows_how_far_it_came_and_goes_on_from_there(index, monkeypatch) -> None:
    monkeypatch.setattr(browse_rows, "SEARCH_SECONDS", 0.0)
    monkeypatch.setattr(browse_rows, "SEARCH_ROWS", 30)
    rows, following, searched = page_of(index, Filter(q="paris (399)", flagged="any"))
    assert (rows, searched) == ([], 30) and following is not None
    assert [row["id"] for row in all_pages(index, Filter(q="paris (399)", flagged="any"))] == ["r399"]


def test_the_index_can_reach_nothing_but_itself_and_change_nothing(index, tmp_path) -> None:
    for sql in (
        "SELECT * FROM read_text('/etc/hostname')",
        f"COPY (SELECT 1) TO '{tmp_path / 'out.csv'}'",
        "DELETE FROM rows",
        "SET enable_external_access = true",
    ):
        with pytest.raises(duckdb.Error):
            index.ask(sql)


def test_texts_that_are_no_utf_8_are_read_all_the_same(tmp_path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    raw = pa.array([b"plain", b"bad \xff\xfe", b"x"], pa.binary())
    column = pa.Array.from_buffers(pa.string(), 3, raw.buffers())
    pq.write_table(pa.table({"id": ["a", "b", "c"], "body": column}), tmp_path / "f.parquet", row_group_size=2)
    found = rows_of_file(tmp_path / "f.parquet", [1, 2], ("id", "body"))
    assert found == {1: {"id": "b", "body": "bad \ufffd\ufffd"}, 2: {"id": "c", "body": "x"}}


def test_an_index_of_other_files_is_made_anew_and_half_of_one_is_never_read(output, index, tmp_path) -> None:
    other = publish(tmp_path / "out", ROWS[:5])
    manifest, target = find_run(other, RUN), index_path(other, RUN)
    target.parent.mkdir(parents=True)
    target.write_bytes(index_path(output, RUN).read_bytes())
    assert not fresh(target, manifest) and open_index(other, manifest) is None
    target.with_name(f".{target.name}.part").write_bytes(b"half")
    assert make_index(other, RUN)["rows"] == 5
    found = open_index(other, manifest)
    assert found is not None and found.rows == 5
    assert [path.name for path in sorted(target.parent.iterdir())] == [".lock", target.name]
    target.write_bytes(b"broken")
    assert open_index(other, manifest) is None and make_index(other, RUN)["rows"] == 5


def test_a_failure_in_the_middle_leaves_no_index(tmp_path) -> None:
    other = publish(tmp_path / "out", ROWS[:20])
    manifest, target = find_run(other, RUN), index_path(other, RUN)
    target.parent.mkdir(parents=True)
    path = next((other / "labelled").rglob("*.parquet"))
    content = bytearray(path.read_bytes())
    content[4:200] = bytes(196)
    path.write_bytes(bytes(content))
    with pytest.raises(UsageError, match="cannot be read"):
        build(other, manifest, target, lambda line: None)
    assert list(target.parent.iterdir()) == []


def test_counts_are_remembered_for_a_bounded_number_of_filters(index, monkeypatch) -> None:
    monkeypatch.setattr(browse_query, "REMEMBERED", 3)
    index.counted.clear()
    for number in range(10):
        facets(index, Filter(score=f"insult:0.{number}-1"))
    assert len(index.counted) == 3
