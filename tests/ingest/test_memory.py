"""Memory stays flat however much a dump unfolds to."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import zstandard

from moderation.inference.devices import usable_threads
from moderation.ingest.processes import MOST
from tests.commands import ROOT
from tests.ingest.made_up import lines

MEASURED = """
import os, re, sys, threading, time
from contextlib import suppress
from pathlib import Path
from moderation.cli import app

held = {}

def look(process):
    with suppress(OSError, TypeError):  # it is gone
        held[process] = int(re.search(r"VmHWM:\\s+(\\d+) kB", Path(f"/proc/{process}/status").read_text())[1]) // 1024

def watch():
    while True:
        for process in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split():
            look(process)
        time.sleep(0.02)

threading.Thread(target=watch, daemon=True).start()
app(["ingest", *sys.argv[1:]], standalone_mode=False)
look(os.getpid())
print("peaks", sum(held.values()), len(held))
"""


def peak(path: Path, output: Path) -> int:
    """The most memory, in MB, that each process of an ingest of a dump ever held, in sum: pages that they share count
    for each of them.

    Not `ru_maxrss`: that of a new process begins with what its parent held, here pytest with torch in it.
    """
    command = [sys.executable, "-c", MEASURED, str(path), "--output", str(output)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=600, check=True)
    megabytes, processes = map(int, done.stdout.split()[-2:])
    assert processes == (1 if usable_threads() == 1 else 1 + min(usable_threads(), MOST))
    return megabytes


def dump(path: Path, megabytes: int) -> Path:
    """A dump of that size before compression: a few thousand comments over and over."""
    some = b"".join(lines(8000, [2008, 2016, 2024]))
    with path.open("wb") as file, zstandard.ZstdCompressor().stream_writer(file) as writer:
        for _ in range(megabytes * 1_000_000 // len(some)):
            writer.write(some)
    return path


@pytest.mark.slow
def test_a_gigabyte_takes_no_more_memory_than_half_of_one_and_less_than_it_is_large(tmp_path: Path) -> None:
    small = peak(dump(tmp_path / "RC_small.zst", 500), tmp_path / "small")
    large = peak(dump(tmp_path / "RC_large.zst", 1000), tmp_path / "large")
    assert large < 1000, (small, large)
    assert large < small * 1.25
