"""The scoring stage of the Spark job beside the engine alone on the same bodies, on all cores, start-up left out."""

import datetime
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import mean
from typing import Any

from moderation.bench.peers import EnginePeer
from moderation.bench.progress import Progress
from moderation.models.load import find_model

MONTH = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)
MONTH_SECONDS = 31 * 24 * 3600
FEW = 64  # rows of the run that does little more than start its workers and load their models
SCALE = 4  # how much longer a whole run is guessed to take than the engine alone


class JobFailed(Exception):
    """A `moderation run` that cannot be measured."""


def measure(bodies: list[str], progress: Progress) -> dict[str, Any]:
    """Seconds of the scoring stage less those of the same stage on a few rows, and the engine's on the rows between.

    The engine is timed before and after the job, so that neither has the better part of the machine's time.
    """
    few, more = bodies[:FEW], bodies[FEW:]
    if not more:
        raise JobFailed(f"more than {FEW} rows are needed")
    peer = EnginePeer(find_model("builtin"), "auto", "auto", name="engine")
    peer.score(few)
    with progress.step(f"engine alone on {len(more):,} rows"):
        engine = [seconds_of(peer, more)]
    progress.plan(SCALE * engine[0])
    with tempfile.TemporaryDirectory(prefix="moderation-bench-") as folder:
        with progress.step(f"moderation run on {len(few)} rows"):
            start = run(few, Path(folder) / "few")
        with progress.step(f"moderation run on {len(bodies):,} rows", SCALE * engine[0]):
            whole = run(bodies, Path(folder) / "whole")
    engine.append(seconds_of(peer, more))
    return figures(start, whole, mean(engine))


def figures(start: dict[str, Any], whole: dict[str, Any], engine_seconds: float) -> dict[str, Any]:
    """What two manifests and the clock say."""
    spark_seconds = whole["timings"]["score"] - start["timings"]["score"]
    return {
        "rows": whole["counts"]["rows_in"],
        "scored": whole["counts"]["scored"],
        "stage_seconds": whole["timings"],
        "start_up_seconds": round(start["timings"]["score"], 3),
        "spark_seconds": round(spark_seconds, 3),
        "engine_seconds": round(engine_seconds, 3),
        "throughput": whole["throughput"],
        # a dump so small that its start-up drowns it says nothing
        "ratio": round(spark_seconds / engine_seconds, 3) if spark_seconds > 0 and engine_seconds > 0 else None,
    }


def seconds_of(peer: EnginePeer, texts: list[str]) -> float:
    """Seconds in which the engine scores the texts."""
    started = time.perf_counter()
    peer.score(texts)
    return time.perf_counter() - started


def run(bodies: list[str], folder: Path) -> dict[str, Any]:
    """Runs `moderation run` as a user does, in a process of its own; returns its manifest."""
    from moderation.runs.manifest import read_manifests

    folder.mkdir()
    dump, output = folder / "dump.parquet", folder / "output"
    write_dump(bodies, dump)
    command = [sys.executable, "-m", "moderation", "run", "--input", str(dump), "--output", str(output)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip() or "no message").splitlines()[-1]
        raise JobFailed(f"moderation run ended with {done.returncode}: {last}")
    return read_manifests(output)[-1]


def write_dump(bodies: list[str], path: Path) -> None:
    """Writes bodies as the dump of one month, which is how dumps come: a sample of twenty years would rather measure
    the writing of seven thousand folders."""
    import pyarrow
    from pyarrow import parquet

    start, step = int(MONTH.timestamp()), MONTH_SECONDS / len(bodies)
    columns = {
        "id": [f"t1_{row}" for row in range(len(bodies))],
        "body": bodies,
        "created_utc": [start + int(row * step) for row in range(len(bodies))],
    }
    parquet.write_table(pyarrow.table(columns), path)
