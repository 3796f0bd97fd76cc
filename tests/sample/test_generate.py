import re
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from moderation.sample import sample_table, write_sample
from moderation.sample.generate import SLOT, Writer, load, phrases, plan

NOT_MEANT_TO_BE_DISTINCT = {"deleted", "empty", "duplicate"}
AWKWARD = [
    *["\0", "\r\n", "\t", "\x1b[31m", "\u200b", "\u200d", "\u200f", "\u202e", "\u0301", "\ufeff"],
    *["<script>", "DROP TABLE", "=cmd|", "[SEP]", "[CLS]", "&gt; ", "](http", "1d10t", "i d i o t", "THIS IS"],
    *["🇵🇹", "👍🏽", "ß", "я", "ש", "ع", "ह", "的", "の", "요"],
]


@pytest.fixture(scope="module")
def table() -> pa.Table:
    return sample_table()


@pytest.fixture(scope="module")
def rows(table: pa.Table) -> list[dict[str, Any]]:
    """The rows with bodies as bytes, since some bodies are not text."""
    bodies = table["body"].combine_chunks().view(pa.binary())
    return table.set_column(table.column_names.index("body"), "body", bodies).to_pylist()


def texts(rows: list[dict[str, Any]], kind: str) -> list[str]:
    return [row["body"].decode() for row in rows if row["kind"] == kind]


def test_the_same_seed_writes_the_same_bytes(tmp_path: Path) -> None:
    first = [path.read_bytes() for path in write_sample(tmp_path / "a", rows=400, seed=3)]
    again = [path.read_bytes() for path in write_sample(tmp_path / "b", rows=400, seed=3)]
    assert first == again


def test_another_seed_writes_another_dump(tmp_path: Path) -> None:
    one = write_sample(tmp_path / "a", rows=400, seed=3)[0]
    other = write_sample(tmp_path / "b", rows=400, seed=4)[0]
    assert one.read_bytes() != other.read_bytes()


def test_two_files_hold_all_rows_in_order_of_time(tmp_path: Path, table: pa.Table) -> None:
    paths = write_sample(tmp_path / "not" / "there" / "yet")
    assert [path.name for path in paths] == ["comments-1.parquet", "comments-2.parquet"]
    together = pa.concat_tables([pq.read_table(path) for path in paths])
    assert together["link_id"].to_pylist() == table["link_id"].to_pylist()
    moments = [moment for moment in together["created_utc"].to_pylist() if moment is not None]
    assert moments == sorted(moments)


def test_an_odd_number_of_rows_is_written_in_full(tmp_path: Path) -> None:
    counts = [pq.read_metadata(path).num_rows for path in write_sample(tmp_path, rows=301)]
    assert counts == [151, 150]


def test_the_files_have_the_columns_of_the_contract_and_no_kind(tmp_path: Path) -> None:
    schema = pq.read_schema(write_sample(tmp_path, rows=200)[0])
    strings = ["id", "author", "subreddit", "body", "parent_id", "link_id"]
    numbers = ["created_utc", "score", "gilded"]
    assert {name: schema.field(name).type for name in schema.names} == {
        **dict.fromkeys(strings, pa.string()),
        **dict.fromkeys(numbers, pa.int64()),
    }


def test_three_thousand_rows_are_made_in_two_seconds(tmp_path: Path) -> None:
    start = time.process_time()  # the processor's time, so that a busy machine does not fail the test
    write_sample(tmp_path)
    assert time.process_time() - start < 2


def test_every_kind_is_present(rows: list[dict[str, Any]]) -> None:
    assert {row["kind"] for row in rows} == {"polite", *load("mix")}


@pytest.mark.parametrize("size", [100, 300, 3000])
def test_every_way_of_being_broken_comes_at_least_three_times(size: int) -> None:
    counts = Counter(plan(size, Random(1)))
    assert sum(counts.values()) == size
    assert min(count for kind, count in counts.items() if kind.startswith("broken")) >= 3


def test_the_mix_is_mostly_polite_talk(rows: list[dict[str, Any]]) -> None:
    counts = Counter(row["kind"] for row in rows)
    assert 0.60 <= counts["polite"] / len(rows) <= 0.65
    assert counts["insult"] == 180 and counts["deleted"] == 240 and counts["threat"] == 45


def test_too_few_rows_to_hold_every_kind_are_refused() -> None:
    with pytest.raises(ValueError, match="20 rows is too small"):
        sample_table(rows=20)


def test_bodies_that_are_not_utf8_survive_in_the_file(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    bodies = pa.concat_tables([pq.read_table(path, columns=["body"]) for path in write_sample(tmp_path)])["body"]
    assert bodies.type == pa.string()
    assert bodies.combine_chunks().view(pa.binary()).to_pylist() == [row["body"] for row in rows]


def test_only_the_rows_made_so_are_not_utf8(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        if row["kind"] == "broken_body_bytes":
            with pytest.raises(UnicodeDecodeError):
                row["body"].decode()
        elif row["body"] is not None:
            row["body"].decode()


def test_bytes_are_wrong_in_different_ways(rows: list[dict[str, Any]]) -> None:
    spoilt = [row["body"] for row in rows if row["kind"] == "broken_body_bytes"]
    assert any(b"\xff" in body for body in spoilt)
    assert any(b"\xf0\x9f\x91" in body for body in spoilt), "an emoji cut short"
    assert any(b"\xed\xa0\x80" in body for body in spoilt), "a lone surrogate"


def test_null_and_empty_ids_and_null_bodies_are_where_the_kind_says(rows: list[dict[str, Any]]) -> None:
    assert all((row["id"] is None) == (row["kind"] == "broken_null_id") for row in rows)
    assert all((row["id"] == "") == (row["kind"] == "broken_empty_id") for row in rows)
    assert all((row["body"] is None) == (row["kind"] == "broken_null_body") for row in rows)
    assert all((row["created_utc"] is None) == (row["kind"] == "undated") for row in rows)


def test_ids_are_unique_and_in_base_36(rows: list[dict[str, Any]]) -> None:
    ids = [row["id"] for row in rows if row["id"]]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[0-9a-z]{7}", id_) for id_ in ids)


def test_dates_cover_four_days(rows: list[dict[str, Any]]) -> None:
    days = Counter(
        datetime.fromtimestamp(row["created_utc"], UTC).date().isoformat() for row in rows if row["created_utc"]
    )
    assert list(days) == ["2026-01-05", "2026-01-06", "2026-01-07", "2026-01-08"]
    assert min(days.values()) > 700


def test_a_comment_answers_its_post_or_an_earlier_comment_below_it(rows: list[dict[str, Any]]) -> None:
    below: dict[str, set[str]] = {}
    strays = []
    for row in rows:
        earlier = below.setdefault(row["link_id"], {row["link_id"]})
        if row["parent_id"] not in earlier:
            strays.append(row["parent_id"])
        earlier.add(f"t1_{row['id']}")
    lost = [row for row in rows if not row["id"]]
    assert len(strays) <= len(lost), "only answers to the rows that lost their id may dangle"


def test_most_texts_are_distinct(rows: list[dict[str, Any]]) -> None:
    bodies = [row["body"] for row in rows if row["kind"] not in NOT_MEANT_TO_BE_DISTINCT]
    assert len(set(bodies)) / len(bodies) > 0.9


def test_duplicates_repeat_other_bodies_word_for_word(rows: list[dict[str, Any]]) -> None:
    counts = Counter(row["body"] for row in rows)
    repeated = [row for row in rows if row["kind"] == "duplicate" and counts[row["body"]] > 1]
    assert len(repeated) >= 25
    assert any(len(row["body"]) > 30 and b"bot" not in row["body"] for row in repeated), "a double post"


def test_skipped_bodies_are_deleted_removed_or_blank(rows: list[dict[str, Any]]) -> None:
    assert {text.strip() for text in texts(rows, "deleted")} == {"[deleted]", "[removed]"}
    assert any(text != text.strip() for text in texts(rows, "deleted"))
    assert {text.strip() for text in texts(rows, "empty")} == {""}
    assert all(row["author"] == "[deleted]" for row in rows if row["kind"] == "deleted")


def test_long_comments_have_hundreds_of_words_and_hide_an_insult_deep_inside(rows: list[dict[str, Any]]) -> None:
    long = texts(rows, "long") + texts(rows, "long_insult") + texts(rows, "long_name")
    assert len(long) >= 15
    assert all(600 <= len(text.split()) <= 1600 for text in long)
    for text in texts(rows, "long_insult"):
        assert re.search(r"(?i)\byou", text[len(text) // 2 :])


def test_lengths_are_those_of_real_comments(rows: list[dict[str, Any]]) -> None:
    words = sorted(len(row["body"].split()) for row in rows if row["body"] and row["kind"] != "deleted")
    assert 14 <= words[len(words) // 2] <= 24
    assert 45 <= words[len(words) * 9 // 10] <= 75
    assert 25 <= sum(words) / len(words) <= 42


@pytest.mark.parametrize("found", AWKWARD)
def test_awkward_text_is_in_the_dump(rows: list[dict[str, Any]], found: str) -> None:
    assert any(found.encode() in row["body"] for row in rows if row["body"])


def test_every_language_is_spoken_in_its_own_subreddits(rows: list[dict[str, Any]]) -> None:
    spoken = {row["subreddit"] for row in rows if row["kind"].startswith("multilingual")}
    for language, own in load("languages").items():
        assert spoken & set(own["subreddits"]), language


def test_there_is_a_very_long_word(rows: list[dict[str, Any]]) -> None:
    assert max(len(word) for row in rows for word in (row["body"] or b"").split()) > 1000


def test_counter_speech_is_free_of_swearing(rows: list[dict[str, Any]]) -> None:
    assert not [text for text in texts(rows, "counter_speech") if re.search(r"(?i)fuck|shit|asshole", text)]


def test_insults_by_full_name_hit_nobody_known() -> None:
    """The hostile phrases name people only by surnames that are rare on purpose."""
    hostile = [item for name, items in load("flagged").items() for item in items if name != "counter_line"]
    assert not [item for item in hostile if re.search(r"\{\+?(person|last)\}", item)]


def test_every_slot_names_a_list_and_every_phrase_is_text() -> None:
    writer = Writer(Random(0))
    topics = load("topics") | load("languages")
    known = {name.split(".")[-1] for name in phrases()} | set(writer.makers)
    for name, items in phrases().items():
        assert all(isinstance(item, str) for item in items), name
        used = {slot[2] for item in items for slot in SLOT.findall(item)}
        assert used <= known, f"{name} uses {used - known}"
    assert all({"subreddits", "line", "short"} <= set(own) for own in topics.values())


def test_no_slot_is_left_open_in_a_body(rows: list[dict[str, Any]]) -> None:
    assert not [row["body"] for row in rows if row["body"] and re.search(rb"\{\+?[a-z]+\d?\}", row["body"])]


def test_a_name_keeps_its_value_through_one_comment() -> None:
    writer = Writer(Random(1))
    assert SLOT.sub(writer._fill, "{city}") == SLOT.sub(writer._fill, "{city}")
    assert SLOT.sub(writer._fill, "{+city}") != SLOT.sub(writer._fill, "{+city}")


def test_an_article_fits_the_word_after_it() -> None:
    writer = Writer(Random(1))
    writer.kept = {"fruit": "apple", "tool": "hammer"}
    assert SLOT.sub(writer._fill, "A {fruit}, a {fruit}, a {tool}") == "An apple, an apple, a hammer"
