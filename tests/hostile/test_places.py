"""Inputs that are no ordinary files, and folders that nobody may read or write."""

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from moderation.config import Columns
from moderation.runs.inputs import find_inputs
from tests.hostile import places
from tests.hostile.cases import Case, ordinary, write
from tests.hostile.commands import refusal, snapshot
from tests.hostile.surroundings import SURROUNDINGS

ROOT = Path(__file__).parents[2]
# 24 is prctl's PR_CAPBSET_DROP; 1 and 2 are the capabilities to read and write what permissions forbid.
LIMITED = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
for capability in (1, 2):
    if libc.prctl(24, capability, 0, 0, 0): sys.exit(99)
os.execv(sys.executable, [sys.executable, "-m", "moderation", *sys.argv[1:]])
"""


@pytest.mark.parametrize("case", places.FOUND, ids=lambda case: case.name)
def test_what_is_no_file_is_named_in_one_line_and_nothing_is_written(case: Case, tmp_path) -> None:
    (tmp_path / "in").mkdir()
    path = case.make(tmp_path / "in")
    before = snapshot(tmp_path)
    code, line = refusal(path, tmp_path / "out")
    assert code == case.code == 2
    assert case.says in line and case.names in line
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("case", places.LISTED, ids=lambda case: case.name)
def test_odd_places_of_sound_files_are_read_once_each(case: Case, tmp_path) -> None:
    (tmp_path / "in").mkdir()
    files = find_inputs([case.make(tmp_path / "in")], Columns())
    assert sum(file.rows for file in files) == sum(case.counts)
    assert len({file.key for file in files}) == len(files)


def assert_outcome(name: str, code: int, line: str) -> None:
    """The outcome is the one that the page states."""
    stated, says = SURROUNDINGS[name]
    assert code == stated
    assert says in line


def as_ordinary_user(*arguments: object) -> tuple[int, str]:
    """Exit code and the one line of a run that permissions bind, whoever runs the tests.

    Root's child gives up the capabilities that set permissions aside; it stays the owner of the tests' files.
    """
    command = [sys.executable, "-c", LIMITED, "run", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode == 99 and os.geteuid() != 0:  # nothing to give up
        command = [sys.executable, "-m", "moderation", "run", *map(str, arguments)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    (line,) = done.stderr.splitlines()
    return done.returncode, line


@pytest.mark.parametrize(
    ("forbidden", "name"),
    [
        ("in/x.parquet", "an input file that may not be read"),
        ("in/sub", "a folder inside the input that may not be listed"),
        ("in", "an input folder that may not be listed"),
    ],
)
def test_a_file_or_folder_that_may_not_be_read_is_named(tmp_path, forbidden, name) -> None:
    write(ordinary(10), tmp_path / "in/x.parquet")
    write(ordinary(10, 10), tmp_path / "in/sub/y.parquet")
    before = snapshot(tmp_path)
    mode = stat.S_IMODE((tmp_path / forbidden).stat().st_mode)
    (tmp_path / forbidden).chmod(0)
    try:
        code, line = as_ordinary_user("--input", tmp_path / "in", "--output", tmp_path / "out")
    finally:
        (tmp_path / forbidden).chmod(mode)
    assert_outcome(name, code, line)
    assert f"{tmp_path / forbidden}: " in line
    assert snapshot(tmp_path) == before


def test_an_output_that_may_not_be_written_is_named(tmp_path) -> None:
    path = write(ordinary(10), tmp_path / "in/x.parquet")
    (tmp_path / "out").mkdir(mode=0o555)
    code, line = as_ordinary_user("--input", path, "--output", tmp_path / "out")
    assert_outcome("an output folder that may not be written", code, line)
    assert f"output {tmp_path / 'out'}: " in line
    assert not list((tmp_path / "out").iterdir())


@contextmanager
def mounted(folder: Path, options: str) -> Iterator[Path]:
    """A file system in memory; skips the test where this user may not mount one."""
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"this user may not mount a tmpfs ({done.stderr.strip()[:80]})")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def test_an_output_on_a_read_only_file_system_is_named(tmp_path) -> None:
    path = write(ordinary(10), tmp_path / "in/x.parquet")
    with mounted(tmp_path / "disk", "size=1m,ro") as disk:
        code, line = refusal(path, disk)
        assert_outcome("an output on a read-only file system", code, line)
        assert f"output {disk}: " in line
        code, line = refusal(path, disk / "new/out")
        assert_outcome("a new output on a read-only file system", code, line)
        assert f"output {disk / 'new/out'}: " in line
        assert not list(disk.iterdir())


@pytest.mark.parametrize("output", ["in", "in/out", "in/deeper/out"])
def test_an_output_inside_the_input_is_refused(tmp_path, output) -> None:
    write(ordinary(10), tmp_path / "in/x.parquet")
    before = snapshot(tmp_path)
    code, line = refusal(tmp_path / "in", tmp_path / output)
    assert_outcome("an output that is the input folder, or lies inside it", code, line)
    assert f"output {tmp_path / output}: " in line
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("place", ["labelled/date=2026-01-05", "quarantine", "runs/x", "scores", ".staging/x"])
def test_an_input_among_what_runs_write_is_refused(tmp_path, place) -> None:
    path = write(ordinary(10), tmp_path / "out" / place / "x.parquet")
    before = snapshot(tmp_path)
    code, line = refusal(path, tmp_path / "out")
    assert_outcome("an input that is what runs write (`labelled/`, `quarantine/`, `runs/`, `scores/`)", code, line)
    assert f"input {path}: " in line
    assert snapshot(tmp_path) == before
