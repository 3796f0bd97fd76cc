"""Broken files that are refused before Spark starts: one line that names the file, exit code 2, nothing written."""

import pytest

from tests.dumps import comment, write_dump
from tests.hostile import broken_files, odd_files
from tests.hostile.cases import Case
from tests.hostile.commands import refusal, snapshot

CASES = [*broken_files.FOUND, *odd_files.FOUND]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_broken_file_is_named_in_one_line_and_nothing_is_written(case: Case, tmp_path) -> None:
    (tmp_path / "in").mkdir()
    path = case.make(tmp_path / "in")
    write_dump(tmp_path / "out/labelled/date=2026-01-04/earlier.parquet", [comment("1", "was here before")])
    before = snapshot(tmp_path)
    code, line = refusal(path, tmp_path / "out")
    assert code == case.code == 2
    assert case.says in line
    assert str(tmp_path / "in" / case.names) in line
    assert snapshot(tmp_path) == before
