"""Whole runs on hostile input and in hostile places: exit code, one line, and what is left."""

from pathlib import Path

import pytest

from moderation.runs.publish import published_files
from tests.hostile import broken_files, odd_files
from tests.hostile.cases import Case, ordinary, write
from tests.hostile.commands import refusal, run, snapshot

pytestmark = pytest.mark.slow
GATE = [case for case in odd_files.READ if case.code == 3]


@pytest.fixture
def job(spark, tiny_model, tmp_path):
    """Options of a run with the tiny model."""
    return ("--model", str(tiny_model), "--precision", "fp32")


def lasting(output: Path) -> dict[str, str]:
    """What readers see, and the scores."""
    return {path: digest for path, digest in snapshot(output).items() if "/." not in path and "/runs" not in path}


def test_a_damaged_file_beside_a_good_one_leaves_what_was_published_and_the_scores(job, tmp_path) -> None:
    write(ordinary(2000, 50_000), tmp_path / "in/good.parquet")
    output = tmp_path / "out"
    assert run("--input", tmp_path / "in", "--output", output, *job)[0] == 0
    before, runs = lasting(output), sorted((output / "runs").iterdir())
    path = broken_files.late_damage(tmp_path / "in")
    code, line = refusal(tmp_path / "in", output, *job)
    assert code == 2
    assert f"input {path}: the file is damaged and cannot be read to its end" in line
    assert lasting(output) == before
    assert sorted((output / "runs").iterdir()) == runs
    path.unlink()
    code, printed = run("--input", tmp_path / "in", "--output", output, *job)
    assert code == 0
    assert "nothing to do" in printed


def test_a_damaged_file_leaves_nothing_of_a_new_output(job, tmp_path) -> None:
    path = broken_files.late_damage(tmp_path)
    code, line = refusal(path, tmp_path / "new/out", *job)
    assert code == 2
    assert str(path) in line
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("case", GATE, ids=lambda case: case.name)
def test_the_gate_refuses_what_is_there_twice(case: Case, job, tmp_path) -> None:
    (tmp_path / "in").mkdir()
    code, printed = run("--input", case.make(tmp_path / "in"), "--output", tmp_path / "out", *job)
    assert code == case.code == 3
    assert case.says in printed
    assert not list(published_files(tmp_path / "out", "labelled"))
