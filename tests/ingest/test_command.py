"""The command: what it prints, its exit codes, and that `moderation run` takes what it wrote."""

import sys
from pathlib import Path

import pytest

from tests.commands import ROOT, moderation, run
from tests.dumps import read_rows
from tests.ingest.ingested import rows
from tests.ingest.made_up import YEARS, comment, line, lines, submission, write


def test_what_was_done_is_printed_and_a_second_time_that_there_was_nothing_to_do(tmp_path: Path) -> None:
    write(tmp_path / "RC_x.zst", [*lines(30, YEARS), b"broken\n", b"\n", line(comment(99, score={}))])
    done = moderation("ingest", "RC_x.zst", "--output", "out", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "RC_x.zst: ingested, 33 lines = 31 rows + 1 quarantined + 1 blank; 6 day(s), 2005-12-12 to" in done.stdout
    assert "  quarantined not_json: 1\n" in done.stdout
    assert "  score: 1 value(s) of no use, null in their rows\n" in done.stdout
    again = run([sys.executable, str(ROOT / "jobs/ingest.py"), "RC_x.zst", "--output", "out"], folder=tmp_path)
    assert again.returncode == 0
    assert "ingested already, 33 lines = 31 rows + 1 quarantined + 1 blank; nothing to do" in again.stdout


def test_one_failed_source_of_two_is_told_and_the_other_is_there(tmp_path: Path) -> None:
    bad = write(tmp_path / "RC_bad.zst", lines(2000))
    bad.write_bytes(bad.read_bytes()[:-100])
    write(tmp_path / "RC_good.zst", lines(3))
    done = moderation("ingest", "RC_bad.zst", "RC_good.zst", "--output", "out", folder=tmp_path)
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        f"moderation: {bad}: ends too soon, at compressed byte {bad.stat().st_size:,}; nothing of it was taken; "
        "--allow-truncated takes what can be read"
    ]
    assert len(rows(tmp_path / "out")) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--map", "body"], "--map body: must be our name and the source's"),
        (["--map", "body=a,body=b"], "body is a already"),
        (["--map", "words=a"], "ingest has no column 'words'"),
        (["--kind", "posts"], "--kind posts: one of auto, comment, submission"),
        (["--format", "xml"], "--format xml: one of auto, ndjson, csv, tsv, parquet"),
        (["--max-bytes", "much"], "--max-bytes much: must be a number of bytes"),
        (["--max-bytes", "1K"], "unfolds to more than 1,000 bytes"),
    ],
)
def test_mistakes_are_one_line_and_exit_code_two(arguments, message: str, tmp_path: Path) -> None:
    write(tmp_path / "RC_x.zst", lines(30))
    done = moderation("ingest", "RC_x.zst", "--output", "out", *arguments, folder=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not list((tmp_path / "out").glob("date=*"))


def test_the_columns_of_a_configuration_are_taken(tmp_path: Path) -> None:
    write(tmp_path / "x.csv", b"nr,words\n1,hello\n")
    (tmp_path / "settings.yaml").write_text("columns: {id: nr, body: words}\n")
    done = moderation("ingest", "x.csv", "--output", "out", "--config", "settings.yaml", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert [row["body"] for row in rows(tmp_path / "out")] == ["hello"]


def test_a_table_read_with_the_wrong_names_asks_whether_they_are_right(tmp_path: Path) -> None:
    write(tmp_path / "x.jsonl", b'{"nr": 1, "words": "hello"}\n')
    done = moderation("ingest", "x.jsonl", "--output", "out", folder=tmp_path)
    assert done.returncode == 0
    assert "no line is a row: are --map and --format right?" in done.stdout


@pytest.mark.slow
def test_a_run_takes_what_ingest_wrote_as_it_is(tiny_model, tmp_path: Path) -> None:
    write(tmp_path / "RC_x.zst", [*lines(60, YEARS), b"broken\n", line(comment(999, created_utc=None))])
    write(tmp_path / "RS_x.zst", (line(submission(number)) for number in range(5)))
    assert moderation("ingest", "RC_x.zst", "RS_x.zst", "--output", "comments", folder=tmp_path).returncode == 0
    done = moderation("run", "--input", "comments", "--output", "out", "--model", tiny_model, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    found, given = read_rows(tmp_path / "out"), rows(tmp_path / "comments")
    assert {row["id"] for row in found} == {row["id"] for row in given}
    assert len(found) == len(given) == 66
    published = {row["id"]: row for row in found}
    for row in given:
        assert {name: published[row["id"]][name] for name in row} == row
