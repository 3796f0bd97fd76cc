"""Processes that read lines side by side give what one alone gives, and end whatever happens."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.ingest import processes
from moderation.ingest.batch import Batch
from moderation.ingest.lines import Block
from moderation.ingest.ndjson import NdJson
from moderation.ingest.processes import Process, packed, read_blocks, side_by_side, unpacked
from moderation.ingest.streams import Damaged
from tests.commands import ROOT
from tests.ingest.ingested import quarantine, refusal, rows, take
from tests.ingest.made_up import YEARS, comment, line, lines, submission, write

ODD = [
    *(b"", b"hello", b'{"id": "a"', b'{"id": "a", "body": "\xff"}', b'{"id": "a", "id": "b", "body": "x"}'),
    *(b'{"id": 7, "body": "\\ud83d\\ude42 \\u0000", "edited": true}', b'{"id": "b", "body": "\\ud800"}', b"[1]"),
    *(b'{"id": "c", "body": "x", "created_utc": "soon"}', b'{"id": "c", "body": "x", "score": 99999999999999999999}'),
    *(line(comment(1, score="many", gilded=2.5, author={})).strip(), line(submission(2)).strip()),
]
THREADS = "moderation.inference.devices.usable_threads"
LINES = st.sampled_from([*ODD, *(line(comment(number, year)).strip() for number, year in enumerate(YEARS))])


def same(one: Batch, other: Batch) -> bool:
    """Whether two batches say the same."""
    assert one.table.schema.equals(other.table.schema, check_metadata=True)
    assert one.days.tolist() == other.days.tolist()
    assert (one.lines, one.blank, one.rejected, one.odd) == (other.lines, other.blank, other.rejected, other.odd)
    return one.table.equals(other.table)


def some_blocks(count: int) -> Iterator[Block]:
    """Blocks of good and odd lines, one of a line that is too long among them."""
    first = 1
    for number in range(count):
        if number == 3:
            yield Block(first, b"x" * 2000, 17_000_000)
            first += 1
        content = b"".join(lines(5 + number, YEARS)) + b"\n".join(ODD[: number % len(ODD)])
        yield Block(first, content)
        first += content.count(b"\n") + 1


@settings(max_examples=60)
@given(found=st.lists(LINES, max_size=8), kind=st.sampled_from(["comment", "submission", "any"]))
def test_a_batch_comes_back_from_a_process_as_it_was(found: list[bytes], kind) -> None:
    batch = NdJson(kind, {}).read(Block(5, b"\n".join(found)))
    assert same(unpacked(packed(batch).to_pybytes()), batch)


@pytest.mark.parametrize("kind", ["comment", "any"])
def test_blocks_read_side_by_side_are_those_of_one_reader_in_their_order(kind) -> None:
    mapping = {"id": "name"} if kind == "any" else {}
    alone = [NdJson(kind, mapping).read(block) for block in some_blocks(14)]
    together = list(side_by_side(some_blocks(14), kind, mapping, 2))
    assert len(together) == len(alone) == 15
    assert all(same(one, other) for one, other in zip(together, alone, strict=True))


def test_a_large_source_is_the_same_rows_whoever_reads_it(tmp_path: Path, monkeypatch) -> None:
    content = b"".join(lines(3000, YEARS)) + b"\n".join(ODD * 2)
    source = write(tmp_path / "RC_x.zst", content)
    monkeypatch.setattr("moderation.ingest.streams.PIECE", 100_000)
    monkeypatch.setattr(THREADS, lambda: 1)
    ((_, alone),) = take(source, output=tmp_path / "alone")
    monkeypatch.setattr(THREADS, lambda: 2)
    started = count_starts(monkeypatch)
    ((_, together),) = take(source, output=tmp_path / "together")
    assert len(started) == 2
    assert all(process.process.returncode is not None for process in started)
    assert (together.lines, together.reasons, together.odd_values) == (alone.lines, alone.reasons, alone.odd_values)
    assert rows(tmp_path / "together") == rows(tmp_path / "alone")
    assert quarantine(tmp_path / "together") == quarantine(tmp_path / "alone")


def count_starts(monkeypatch) -> list[Process]:
    """All processes that are started from now on."""
    started: list[Process] = []

    class Noted(Process):
        def __init__(self, *arguments) -> None:
            super().__init__(*arguments)
            started.append(self)

    monkeypatch.setattr(processes, "Process", Noted)
    return started


def test_a_small_source_starts_no_process(monkeypatch) -> None:
    monkeypatch.setattr(THREADS, lambda: 4)
    started = count_starts(monkeypatch)
    assert len(list(read_blocks(iter(list(some_blocks(processes.FEW - 1))), "comment", {}))) == processes.FEW
    assert not started


def test_damage_comes_after_all_rows_before_it() -> None:
    def damaged() -> Iterator[Block]:
        yield from some_blocks(5)
        raise Damaged("ends too soon")

    found = []
    with pytest.raises(Damaged, match="too soon"):
        for batch in side_by_side(damaged(), "comment", {}, 2):
            found.append(batch.lines)
    assert found == [NdJson("comment", {}).read(block).lines for block in some_blocks(5)]


def test_a_process_that_dies_is_told_and_nothing_is_taken(tmp_path: Path, monkeypatch) -> None:
    class Doomed(Process):
        def send(self, block: Block) -> None:
            self.process.send_signal(signal.SIGKILL)
            super().send(block)

    source = write(tmp_path / "RC_x.zst", lines(2000))
    monkeypatch.setattr("moderation.ingest.streams.PIECE", 100_000)
    monkeypatch.setattr(THREADS, lambda: 2)
    monkeypatch.setattr(processes, "Process", Doomed)
    message = refusal(source, output=tmp_path / "out")
    assert f"{source}: a process that read its lines was killed by signal 9; nothing of it was taken" in message
    assert rows(tmp_path / "out") == []


ORPHANED = """
import itertools, sys
from moderation.ingest.lines import Block
from moderation.ingest.processes import Process
process = Process("comment", {})
process.send(Block(1, b'{"id": "a", "body": "x"}'))
process.receive()
print(process.process.pid, flush=True)
sys.stdin.read()
"""


def test_processes_end_when_the_one_that_started_them_is_killed() -> None:
    command, environment = [sys.executable, "-c", ORPHANED], os.environ | {"PYTHONPATH": str(ROOT)}
    parent = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert alive(child)
    parent.kill()
    parent.communicate()
    limit = time.monotonic() + 20
    while alive(child):
        assert time.monotonic() < limit, "it outlived its parent"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    """Whether a process is there, other than as a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_without_a_place_to_import_from_a_process_says_how_it_ended(monkeypatch) -> None:
    monkeypatch.setattr(processes, "START", "import sys; sys.exit(3)")
    with pytest.raises(processes.ProcessDied, match="ended with code 3"):
        list(side_by_side(some_blocks(2), "comment", {}, 1))
