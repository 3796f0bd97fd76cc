"""The whole `moderation run` on a dump, stage by stage, and its scoring beside the engine alone on the same bodies.

Run `python -m benchmarks.pipeline` from the repository's root; README.md in this folder says how to read it.
"""

import argparse
import datetime
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.machine import describe, print_machine
from benchmarks.texts import add_arguments, bodies, data_file
from moderation.runs.manifest import read_manifests

MONTH = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)
MONTH_SECONDS = 31 * 24 * 3600
WARM_UP = 256  # texts


def main() -> None:
    """Runs the benchmark; exits with 1 where the run fails."""
    arguments = parse()
    file = data_file(arguments)
    texts, machine = bodies(file, arguments.rows), describe()
    with tempfile.TemporaryDirectory(prefix="moderation-benchmark-") as folder:
        dump, output = Path(folder) / "dump.parquet", Path(folder) / "output"
        write_dump(texts, dump)
        seconds = run_command(dump, output)
        manifest = read_manifests(output)[-1]
    engine_seconds = run_engine(texts, manifest["config"]["precision"])
    result = {
        "machine": machine,
        "texts": file.name if file else "generated",
        **figures(manifest, seconds, engine_seconds),
    }
    report(result)
    if arguments.json:
        print(json.dumps(result))


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=20_000, help="rows of the dump (default 20000)")
    add_arguments(parser)
    arguments = parser.parse_args()
    if arguments.rows < 1:
        parser.error("--rows must be at least 1")
    return arguments


def write_dump(texts: list[str], path: Path) -> None:
    """Writes bodies as the dump of one month, which is how dumps come: a sample of twenty years would rather measure
    the writing of seven thousand folders."""
    import pyarrow
    from pyarrow import parquet

    start, step = int(MONTH.timestamp()), MONTH_SECONDS / len(texts)
    columns = {
        "id": [f"t1_{row}" for row in range(len(texts))],
        "body": texts,
        "created_utc": [start + int(row * step) for row in range(len(texts))],
    }
    parquet.write_table(pyarrow.table(columns), path)


def run_command(dump: Path, output: Path) -> float:
    """Runs the command as a user does, in a process of its own; returns its seconds, the start of Python included."""
    command = [sys.executable, "-m", "moderation", "run", "--input", str(dump), "--output", str(output)]
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - started
    if done.returncode:
        sys.exit(f"benchmark failed: moderation run ended with {done.returncode}\n{done.stderr.strip()}")
    return seconds


def run_engine(texts: list[str], precision: str) -> float:
    """Seconds in which one engine with all cores scores the bodies; loading it is not counted."""
    from moderation.inference.engine import Engine

    engine = Engine.load("builtin", precision)
    engine.score(texts[:WARM_UP])
    started = time.perf_counter()
    engine.score(texts)
    return time.perf_counter() - started


def figures(manifest: dict[str, Any], seconds: float, engine_seconds: float) -> dict[str, Any]:
    """What the manifest and the clock say; a comment counts in comments/s where it was scored, not where skipped."""
    scored, stages = manifest["counts"]["scored"], manifest["timings"]
    return {
        "rows": manifest["counts"]["rows_in"],
        "scored": scored,
        "stage_seconds": stages,
        "command_seconds": round(seconds, 3),
        "engine_seconds": round(engine_seconds, 3),
        "padding_waste": manifest["throughput"]["padding_waste"],
        "score_stage_comments_per_second": round(scored / stages["score"], 1),
        "command_comments_per_second": round(scored / seconds, 1),
        "engine_comments_per_second": round(scored / engine_seconds, 1),
        "ratios": {"score_stage_vs_engine": round(engine_seconds / stages["score"], 3)},
    }


def report(result: dict[str, Any]) -> None:
    """Prints the result for people."""
    print_machine(result["machine"])
    print(f"rows      {result['rows']:,} of {result['texts']}, {result['scored']:,} of them scored\n")
    print(f"{'':<22}{'seconds':>9}{'comments/s':>12}")
    for stage, seconds in result["stage_seconds"].items():
        speed = f"{result['score_stage_comments_per_second']:>12,.0f}" if stage == "score" else ""
        print(f"stage {stage:<16}{seconds:>9.1f}{speed}")
    for name in ("command", "engine"):
        title = "whole command" if name == "command" else "engine alone"
        print(f"{title:<22}{result[f'{name}_seconds']:>9.1f}{result[f'{name}_comments_per_second']:>12,.0f}")
    print(f"\npadding waste of the score stage {result['padding_waste']:.1%}")
    print(f"score_stage_vs_engine {result['ratios']['score_stage_vs_engine']:>8.2f} ×")


if __name__ == "__main__":
    main()
