"""Readers at work while runs are published over what they read never see a mixture of two runs."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from moderation.runs import publish_swap
from moderation.runs.rollback import rollback
from tests.commands import ROOT
from tests.runs.publications import MONDAY, TUESDAY, WEDNESDAY, publication

PUBLICATIONS = 24


def read_while_publishing(output: Path, kind: str) -> list[dict[str, Any]]:
    """Publishes, and rolls back now and then, over what a reader in a process of its own reads all the while."""
    days = (MONDAY, TUESDAY, WEDNESDAY)
    publication(output, {"bb": dict.fromkeys(days, 4)}, kind)
    first = publication(output, {"aa": dict.fromkeys(days, 3)}, kind)
    command = [sys.executable, "-m", "tests.runs.reading", kind, str(output / "labelled")]
    with (output / "lines").open("w+") as lines:
        reader = subprocess.Popen(command, cwd=ROOT, stdout=lines, stderr=subprocess.PIPE, text=True)
        try:
            while not (output / "lines").stat().st_size:
                assert reader.poll() is None, reader.stderr and reader.stderr.read()
            for number in range(PUBLICATIONS):
                if number % 8 == 7:
                    rollback(output, first.run_id)
                publication(output, {"aa": dict.fromkeys(days, 3 + number % 5)}, kind, files=1 + number % 3)
                seen = (output / "lines").stat().st_size
                while (output / "lines").stat().st_size == seen and reader.poll() is None:
                    time.sleep(0.01)  # on a busy machine the reader would see a few of the states only
            assert reader.poll() is None, reader.stderr and reader.stderr.read()
        finally:
            reader.kill()
            reader.communicate()
        lines.seek(0)
        return [json.loads(line) for line in lines if line.endswith("\n")]


def whole(day: list[list[Any]]) -> bool:
    """Whether the rows of a date are all rows of one run for each of the two inputs, and of no other."""
    return sorted(seen[0] for seen in day) == ["aa", "bb"] and all(promised == count for *_, promised, count in day)


def test_a_reader_of_plain_parquet_sees_one_run_on_each_date(tmp_path) -> None:
    reads = read_while_publishing(tmp_path, "parquet")
    assert len({tuple(seen[1] for seen in read["days"][0] if seen[0] == "aa") for read in reads}) > 5
    assert [read for read in reads if not whole(read["days"][0])] == []


def test_a_reader_of_a_delta_table_sees_one_run_on_all_dates_and_never_reads_again(tmp_path) -> None:
    reads = read_while_publishing(tmp_path, "delta")
    runs = [{seen[1] for day in read["days"] for seen in day if seen[0] == "aa"} for read in reads]
    assert {len(found) for found in runs} == {1}
    assert len({min(found) for found in runs}) > 5
    assert [read for read in reads if not all(map(whole, read["days"]))] == []


@pytest.mark.slow
def test_without_the_one_step_swap_a_date_may_be_gone_for_a_moment_but_is_never_mixed(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(publish_swap, "exchange", lambda one, other: False)
    reads = read_while_publishing(tmp_path, "parquet")
    assert [read for read in reads if not whole(read["days"][0])] == []


def test_this_systems_file_system_swaps_in_one_step(tmp_path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    if not publish_swap.exchange(tmp_path / "one", tmp_path / "other"):
        pytest.skip("no RENAME_EXCHANGE here")
    assert (publish_swap.names_in(tmp_path / "one"), publish_swap.names_in(tmp_path / "other")) == ({"other"}, {"one"})


def test_swapping_what_is_not_there_is_an_error(tmp_path) -> None:
    with pytest.raises(FileNotFoundError):
        publish_swap.exchange(tmp_path / "one", tmp_path / "other")
