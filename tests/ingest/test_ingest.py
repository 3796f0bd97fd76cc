"""Each source is there whole or not at all, once, whatever was there before."""

import datetime
import random
from pathlib import Path

import pytest
from pyarrow import parquet

from moderation.ingest import days as days_module
from moderation.ingest.records import JOURNAL, read_records
from tests.ingest.ingested import quarantine, reasons, records, refusal, rows, state, take
from tests.ingest.made_up import YEARS, comment, line, lines, pack, submission, write

SUFFIXES = (".zst", ".gz", ".bz2", ".xz", ".ndjson", "")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_compression_gives_the_same_rows(suffix: str, tmp_path: Path) -> None:
    dump = write(tmp_path / f"RC_2016-01{suffix}", lines(50, YEARS))
    ((what, record),) = take(dump, output=tmp_path / "out")
    assert (what, record.lines, record.rows, record.quarantined, record.blank) == ("ingested", 50, 50, 0, 0)
    assert not record.odd_values
    assert sorted(row["id"] for row in rows(tmp_path / "out")) == sorted(
        comment(number, YEARS[number % 6])["id"] for number in range(50)
    )


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("last", [True, False])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_ends_of_lines_and_marks_of_the_byte_order_do_not_matter(end, last, mark, tmp_path: Path) -> None:
    content = mark + end.join(line(comment(number)).strip() for number in range(3)) + (end if last else b"")
    ((_, record),) = take(write(tmp_path / "RC_x", content), output=tmp_path / "out")
    assert (record.lines, record.rows) == (3, 3)


@pytest.mark.parametrize("suffix", SUFFIXES[:5])
def test_a_dump_without_a_line_is_taken_as_it_is(suffix: str, tmp_path: Path) -> None:
    dump = write(tmp_path / f"RC_2005-01{suffix}", b"")
    ((_, record),) = take(dump, output=tmp_path / "out")
    assert (record.lines, record.rows, record.files) == (0, 0, [])
    assert take(dump, output=tmp_path / "out")[0][0] == "unchanged"


def test_a_line_of_a_hundred_megabytes_is_quarantined_by_its_beginning(tmp_path: Path) -> None:
    huge = b'{"id": "a", "body": "' + b"x" * 100_000_000 + b'"}\n'
    dump = write(tmp_path / "RC_x.zst", line(comment(1)) + huge + line(comment(2)))
    ((_, record),) = take(dump, output=tmp_path / "out")
    assert (record.lines, record.rows) == (3, 2)
    (row,) = quarantine(tmp_path / "out")
    assert (row["line"], row["reason"], row["bytes"]) == (2, "line_too_long", len(huge) - 1)
    assert row["raw"] == huge[:2000].decode()


def test_a_bomb_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    bomb = write(tmp_path / "RC_x.zst", b'{"id": "a", "body": ""}\n' * 500_000)
    assert bomb.stat().st_size < 5_000
    assert "more than 1,000,000 bytes; --max-bytes" in refusal(bomb, output=tmp_path / "out", max_bytes=1_000_000)
    assert not rows(tmp_path / "out")


@pytest.mark.parametrize("suffix", SUFFIXES[:4])
def test_a_truncated_archive_is_not_taken_unless_that_is_allowed(suffix: str, tmp_path: Path) -> None:
    packed = pack(b"".join(lines(2000)), suffix)
    dump = tmp_path / f"RC_x{suffix}"
    dump.write_bytes(packed[: len(packed) * 2 // 3])
    good, output = write(tmp_path / "RC_good.zst", lines(5)), tmp_path / "out"
    message = refusal(dump, good, output=output)
    assert str(dump) in message
    assert "ends too soon" in message
    assert "--allow-truncated" in message
    assert len(rows(output)) == 5
    told = take(dump, good, output=output, allow_truncated=True)
    assert [what for what, _ in told] == ["ingested", "unchanged"]
    cut = told[0][1]
    assert cut.lines == cut.rows + cut.quarantined
    assert cut.truncated
    assert len(rows(output)) == 5 + cut.rows
    dump.write_bytes(packed)
    assert [(what, record.rows) for what, record in take(dump, output=output)] == [("replaced", 2000)]


def test_the_same_source_again_changes_nothing(tmp_path: Path) -> None:
    dump, output = write(tmp_path / "RC_x.zst", [*lines(20), b"broken\n"]), tmp_path / "out"
    take(dump, output=output)
    before = state(output)
    assert [what for what, _ in take(dump, output=output)] == ["unchanged"]
    assert state(output) == before
    dump.touch()
    assert [what for what, _ in take(dump, output=output)] == ["unchanged"]
    assert {path: seen for path, seen in state(output).items() if "_ingest" not in path} == {
        path: seen for path, seen in before.items() if "_ingest" not in path
    }


def test_a_copy_of_a_source_adds_nothing(tmp_path: Path) -> None:
    content = b"".join(lines(20))
    one, other = write(tmp_path / "a/RC_x.zst", content), write(tmp_path / "b/RC_x.zst", content)
    assert [what for what, _ in take(one, other, output=tmp_path / "out")] == ["ingested", "copy"]
    assert len(rows(tmp_path / "out")) == 20


def test_a_changed_source_replaces_its_own_rows_only(tmp_path: Path) -> None:
    output = tmp_path / "out"
    dump, other = write(tmp_path / "RC_x.zst", lines(50, YEARS)), write(tmp_path / "RC_y.zst", lines(7, [2012]))
    take(dump, other, output=output)
    write(dump, [line(comment(900, 2012)), b"broken\n"])
    assert [what for what, _ in take(dump, other, output=output)] == ["replaced", "unchanged"]
    assert sorted(row["id"] for row in rows(output)) == sorted(comment(n, 2012)["id"] for n in (*range(7), 900))
    assert reasons(output) == [(2, "not_json")]
    assert all(any(folder.iterdir()) for folder in output.glob("date=*"))


def test_a_source_whose_files_are_gone_is_ingested_again(tmp_path: Path) -> None:
    dump, output = write(tmp_path / "RC_x.zst", lines(20, YEARS)), tmp_path / "out"
    take(dump, output=output)
    next(output.glob("date=2016*/*.parquet")).unlink()
    assert [what for what, _ in take(dump, output=output)] == ["replaced"]
    assert len(rows(output)) == 20


def test_a_folder_is_not_ingested_into_itself(tmp_path: Path) -> None:
    write(tmp_path / "dumps/RC_x.zst", lines(2))
    assert "lies inside the input" in refusal(tmp_path / "dumps", output=tmp_path / "dumps/out")
    assert not (tmp_path / "dumps/out").exists()


def test_a_record_that_is_none_is_named(tmp_path: Path) -> None:
    dump, output = write(tmp_path / "RC_x.zst", lines(2)), tmp_path / "out"
    take(dump, output=output)
    (record,) = (output / "_ingest").glob("*.json")
    record.write_text('{"other": 1}')
    assert str(record) in refusal(dump, output=output)


def test_other_names_of_columns_are_another_ingest(tmp_path: Path) -> None:
    dump, output = write(tmp_path / "x.jsonl", [b'{"id": 1, "body": "a", "text": "b"}\n']), tmp_path / "out"
    take(dump, output=output)
    assert [what for what, _ in take(dump, output=output, mapping={"body": "text"})] == ["replaced"]
    assert [row["body"] for row in rows(output)] == ["b"]


def test_a_journal_that_was_left_behind_is_finished_by_the_next_ingest(tmp_path: Path, monkeypatch) -> None:
    from moderation.ingest import records as module

    output = tmp_path / "out"
    dump, other = write(tmp_path / "RC_x.zst", lines(30, YEARS)), write(tmp_path / "RC_y.zst", lines(3, [2016]))
    take(dump, output=output)
    before = {row["id"] for row in rows(output)}
    write(dump, lines(40, YEARS))
    moved = 0

    def die_in_the_middle(self: Path, target: Path) -> Path:
        nonlocal moved
        moved += str(target).endswith(".parquet")
        if moved > 2:
            raise KeyboardInterrupt
        return Path.rename(self, target)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(module.Path, "replace", die_in_the_middle)
        patch.setattr("moderation.ingest.ingest.shutil.rmtree", lambda *_, **__: None)  # nor is anything tidied up
        take(dump, output=output)
    assert len(list((output / "_ingest").glob(f"*{JOURNAL}"))) == 1
    take(other, output=output)
    assert not list((output / "_ingest").glob(f"*{JOURNAL}"))
    assert {row["id"] for row in rows(output)} > before
    assert len(rows(output)) == 43
    assert {record.rows for record in read_records(output).values()} == {40, 3}


def test_days_in_any_order_become_files_of_a_sensible_size(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(days_module.Days.__init__, "__defaults__", (100_000,))
    monkeypatch.setattr(days_module, "SMALL", 50_000)
    order = list(range(3000))
    random.Random(1).shuffle(order)
    day = 86_400
    mixed = [line(comment(n, created_utc=1451606400 + (n % 10) * day)) for n in order]
    ((_, record),) = take(write(tmp_path / "RC_x.zst", mixed), output=tmp_path / "out")
    assert record.dates == 10
    for folder in (tmp_path / "out").glob("date=*"):
        tables = [parquet.ParquetFile(file).read() for file in sorted(folder.glob("*.parquet"))]
        assert all(table.nbytes >= 50_000 for table in tables[:-1])
        found = [row for table in tables for row in table["id"].to_pylist()]
        number = (datetime.date.fromisoformat(folder.name[5:]) - datetime.date(2016, 1, 1)).days
        assert found == [comment(n)["id"] for n in order if n % 10 == number]  # in the order of the dump


def test_names_of_files_carry_the_sources_key(tmp_path: Path) -> None:
    dump = write(tmp_path / "RC_x.zst", lines(20, YEARS))
    ((_, record),) = take(dump, output=tmp_path / "out")
    files = list((tmp_path / "out").glob("date=*/*.parquet"))
    assert {file.name.split("-")[0] for file in files} == {record.key}
    assert sorted(entry["path"] for entry in record.files) == sorted(
        str(file.relative_to(tmp_path / "out")) for file in files
    )
    assert [one["key"] for one in records(tmp_path / "out")] == [record.key]


def test_sources_that_will_not_do_are_named_before_anything_is_written(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    write(tmp_path / "RC_x.csv", b"number,words\n1,a\n")
    output = tmp_path / "out"
    assert "no such file" in refusal(tmp_path / "nowhere", output=output)
    assert "holds no dump" in refusal(tmp_path / "empty", output=output)
    assert "loop of symbolic links" in refusal(tmp_path / "loop", output=output)
    assert "no column 'txt'" in refusal(tmp_path / "RC_x.csv", output=output, mapping={"id": "number", "body": "txt"})
    assert "ingest has no column 'words'; one of id" in refusal(
        tmp_path / "RC_x.csv", output=output, mapping={"words": "x"}
    )
    assert not rows(output)


def test_a_folder_is_read_whole_without_what_is_hidden(tmp_path: Path) -> None:
    for name in ("a/RC_2016-01.zst", "a/b/RS_x", "a/.RC_hidden.zst", "a/_old/RC_x.zst", "a/notes.txt", "a/more.csv.gz"):
        content = b"id,body\n1,x\n" if "csv" in name else line(submission(1) if "RS" in name else comment(1))
        write(tmp_path / name, content)
    told = take(tmp_path / "a", tmp_path / "a/RC_2016-01.zst", output=tmp_path / "out")
    assert sorted(Path(record.uri).name for _, record in told) == ["RC_2016-01.zst", "RS_x", "more.csv.gz"]
