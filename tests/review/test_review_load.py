"""The benchmark of the review page runs, small, and says what it should: no word is lost or stored twice."""

import json
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_the_load_benchmark_loses_and_doubles_no_word(tmp_path) -> None:
    sizes = {"rows": 3000, "sample": 300, "reviewers": 5, "each": 2, "kills": 1, "pace": 60}
    options = [text for name, value in sizes.items() for text in (f"--{name}", str(value))]
    command = [sys.executable, "-m", "benchmarks.review_load", "--output", str(tmp_path / "out"), *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["words"] == {"answered": 3 * (20 + 10 + 10 + 10), "lost": 0, "doubled": 0}
