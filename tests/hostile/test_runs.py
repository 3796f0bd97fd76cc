"""Whole runs on hostile input and in hostile places: exit code, one line, and what is left."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from moderation.runs.publish import published_files
from tests.dumps import read_rows
from tests.hostile import broken_files, odd_files
from tests.hostile.bodies import MEGABYTE
from tests.hostile.cases import Case, ordinary, write
from tests.hostile.commands import refusal, run, snapshot
from tests.hostile.surroundings import SURROUNDINGS
from tests.hostile.test_places import assert_outcome, mounted

pytestmark = pytest.mark.slow
GATE = [case for case in odd_files.READ if case.code == 3]
WHOLE = ("columns with dots", "columns of every", "columns that are called", "columns that differ")


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


@pytest.mark.parametrize(
    "case", [case for case in odd_files.READ if case.name.startswith(WHOLE)], ids=lambda case: case.name
)
def test_what_is_odd_and_sound_is_published(case: Case, job, tmp_path) -> None:
    code, printed = run("--input", case.make(tmp_path), "--output", tmp_path / "out", *job)
    assert code == case.code == 0, printed
    rows = read_published(tmp_path / "out")
    assert rows == case.counts[0]


def read_published(output: Path) -> int:
    """How many rows are published."""
    from pyarrow import parquet

    return sum(parquet.read_metadata(file).num_rows for file in published_files(output, "labelled"))


@contextlib.contextmanager
def full(folder: Path, left: int) -> Iterator[None]:
    """A disk on which so many bytes are left."""
    ballast = folder / "ballast"
    with ballast.open("wb") as file:
        file.write(bytes(max(0, shutil.disk_usage(folder).free - left)))
    yield
    ballast.unlink()


@pytest.mark.parametrize("left", [0, 2 * MEGABYTE], ids=["full from the start", "full in the middle"])
def test_a_full_disk_leaves_what_was_published(job, tmp_path, left) -> None:
    """What comes is more than fits: bodies of digits do not compress below half."""
    name = f"a disk that is {'full from the start' if left == 0 else 'full in the middle of a run'}"
    assert name in SURROUNDINGS
    write(ordinary(20), tmp_path / "in/a.parquet")
    with mounted(tmp_path / "disk", "size=40m") as disk:
        output = disk / "out"
        assert run("--input", tmp_path / "in", "--output", output, *job)[0] == 0
        before, rows = lasting(output), read_rows(output)
        large = ordinary(1500, 20)
        noise = [broken_files.noise(6000, number).hex() for number in range(1500)]
        write(large.set_column(1, "body", [noise]), tmp_path / "in/b.parquet")
        with full(disk, left):
            code, line = refusal(tmp_path / "in", output, *job)
            assert_outcome(name, code, line)
            assert {path: digest for path, digest in lasting(output).items() if "/scores" not in path} == {
                path: digest for path, digest in before.items() if "/scores" not in path
            }
            assert read_rows(output) == rows
        code, printed = run("--input", tmp_path / "in", "--output", output, *job)
        assert code == 0, printed
        assert read_published(output) == 1520
