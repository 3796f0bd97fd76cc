"""An ingest that is killed leaves no half of a source, and the next one goes on."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from moderation.errors import UsageError
from moderation.ingest.records import read_records
from moderation.runs.listing import half_ingested, parquet_files
from tests.commands import ROOT, moderation
from tests.ingest.ingested import rows
from tests.ingest.made_up import comment, line, write

SLOWLY = """
import sys, time
from moderation.ingest import records
from moderation.cli import main
replace = records.Path.replace
records.Path.replace = lambda self, target: (time.sleep(0.02), replace(self, target))[1]
sys.argv[1:1] = ["ingest"]
main()
"""


def start(*arguments: object) -> subprocess.Popen:
    """An ingest in the background that takes its time putting files in place."""
    command = [sys.executable, "-c", SLOWLY, *map(str, arguments)]
    return subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.DEVNULL)


def whole(output: Path, expected: dict[str, set[str]]) -> bool:
    """Whether each source is there with all of its rows, or with none."""
    found: dict[str, set[str]] = {}
    for file in output.glob("date=*/*.parquet"):
        found.setdefault(file.name.split("-")[0], set())
    keys = read_records(output)
    present = {row["id"] for row in rows(output)}
    return set(found) == set(keys) and all(expected[Path(record.uri).name] <= present for record in keys.values())


@pytest.mark.slow
def test_kills_at_any_moment_lose_nothing_double_nothing_and_hide_nothing(tmp_path: Path) -> None:
    years = {"RC_a.zst": 2008, "RC_b.gz": 2016, "RC_c.ndjson": 2024}
    expected = {}
    for name, year in years.items():
        spread = [comment(n, year, created_utc=1_100_000_000 + n % 40 * 86_400) for n in range(2000)]
        write(tmp_path / "dumps" / name, b"".join(line(row) for row in spread))
        expected[name] = {row["id"] for row in spread}
    output, draw = tmp_path / "out", random.Random(4)
    for number in range(4):
        process = start(tmp_path / "dumps", "--output", output)
        limit = time.monotonic() + 60
        while not half_ingested(output) and not (number and (output / ".staging").exists()):
            assert time.monotonic() < limit
            time.sleep(0.01)
        time.sleep(draw.uniform(0, 1.2) if number else 0.1)  # the first while files are put in place
        process.send_signal(signal.SIGKILL)
        process.wait()
        if half_ingested(output):
            with pytest.raises(UsageError, match="run it again first"):
                list(parquet_files(output, output))
        assert half_ingested(output) or (number and whole(output, expected))
    done = moderation("ingest", tmp_path / "dumps", "--output", output)
    assert done.returncode == 0, done.stderr
    found = [row["id"] for row in rows(output)]
    assert len(found) == len(set(found)) == 6000
    assert whole(output, expected)
    assert not half_ingested(output)
    assert sorted(path.name for path in output.iterdir() if path.name.startswith((".", "_"))) == [".lock", "_ingest"]
