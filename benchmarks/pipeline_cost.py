"""What the pipeline itself costs a row, without a model: it reads, decides, validates and publishes made-up comments.

`python benchmarks/pipeline_cost.py` from a checkout makes dumps of 10,000, 100,000 and 1,000,000 rows, puts STAND-IN
scores (random numbers, no model's) into the score store by the product's own commit, and runs `moderation run`, which
finds every shard scored. It prints microseconds a row for each stage, the line through the sizes (what a row costs
more, what a run costs whatever its size) and how far the sizes are from it, and the most memory of driver, JVM and
Python workers. Where the machine has other work, judge it by the processors' seconds: they are those of all processes
of the run, start-up included.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.stand_in import write_dump, write_scores
from benchmarks.watched import watch

STAGES = ("read", "score", "decide", "validate", "publish")
AIM = 60.0  # microseconds a row, at a million rows on two cores
SIZES = "10000,100000,1000000"


def main() -> None:
    """Measures all sizes and prints the table, and with --json one object as the last line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", default=SIZES, help=f"sizes, default {SIZES}")
    parser.add_argument("--cores", type=int, default=2, help="of Spark; default 2, as the aim has it")
    parser.add_argument("--memory", default="1g", help="the JVM's heap, the same for all sizes; default 1g")
    parser.add_argument("--event-log", type=Path, help="folder for Spark's event logs")
    parser.add_argument("--folder", type=Path, help="where dumps and outputs go, and stay")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="pipeline-cost-"))
    sizes = [int(rows) for rows in options.rows.split(",")]
    try:
        measured = [measure(folder / str(rows), rows, options) for rows in sizes]
        again = redecide(folder / str(sizes[-1]), sizes[-1])
    finally:
        if not options.folder:
            shutil.rmtree(folder)
    result = {"cores": options.cores, "aim_us_per_row": AIM, "sizes": measured, "line": line(measured)}
    result["redecide"] = again
    show(result)
    if options.json:
        print(json.dumps(result))


def measure(folder: Path, rows: int, options: argparse.Namespace) -> dict[str, Any]:
    """One size: its dump, its stand-in scores, and the run."""
    from moderation.config import load_config
    from moderation.runs.manifest import read_manifests

    shutil.rmtree(folder / "output", ignore_errors=True)
    if not (folder / "dump").exists():
        write_dump(folder / "dump", rows)
    config = write_config(folder, options)
    stored = write_scores(load_config(config))
    load, seen = os.getloadavg()[0], watch(command("run", "--config", str(config)), folder / "run.log")
    manifest = read_manifests(folder / "output")[-1]
    assert manifest["scores"]["shards"]["scored"] == 0, "the run scored what stand-in scores were there for"
    stages = {name: manifest["timings"][name] for name in STAGES}
    return {
        "rows": rows,
        "stages_seconds": stages,
        "us_per_row": {name: round(seconds / rows * 1e6, 2) for name, seconds in stages.items()},
        "sum_us_per_row": round(sum(stages.values()) / rows * 1e6, 2),
        "decide_rows_per_second": round(rows / stages["decide"]),
        "seconds": round(seen.seconds, 2),
        "cpu_seconds": round(seen.cpu_seconds, 2),
        "peak_megabytes": {part: round(size / 2**20) for part, size in sorted(seen.memory.items())},
        "bytes_per_row": {
            "dump": round(size_of(folder / "dump") / rows, 1),
            "scores": round(stored / rows, 1),
            "labelled": round(size_of(folder / "output" / "labelled") / rows, 1),
        },
        "files": len(manifest["published"]),
        "manifest_bytes": (folder / "output" / "runs" / manifest["run_id"] / "manifest.json").stat().st_size,
        "load_before": round(load, 1),
        "load_after": round(os.getloadavg()[0], 1),
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def redecide(folder: Path, rows: int) -> dict[str, Any]:
    """`moderation decide` with another policy on what the run has published: the whole command."""
    from moderation.runs.manifest import read_manifests

    policy, output = folder / "policy.yaml", folder / "output"
    policy.write_text("thresholds: {offensive: 0.25}\n")
    options = ["--output", str(output), "--policy", str(policy), "--config", str(folder / "config.yaml")]
    seen = watch(command("decide", *options), folder / "decide.log")
    return {
        "rows": rows,
        "seconds": round(seen.seconds, 2),
        "cpu_seconds": round(seen.cpu_seconds, 2),
        "rows_per_second": round(rows / seen.seconds),
        "stages_seconds": read_manifests(output)[-1]["timings"],
    }


def write_config(folder: Path, options: argparse.Namespace) -> Path:
    """The settings of a run, as a file."""
    conf = {"spark.driver.memory": options.memory}
    if options.event_log:
        options.event_log.mkdir(parents=True, exist_ok=True)
        conf |= {"spark.eventLog.enabled": "true", "spark.eventLog.dir": options.event_log.resolve().as_uri()}
    settings = {
        "input": [str(folder / "dump")],
        "output": str(folder / "output"),
        "spark": {"master": f"local[{options.cores}]", "conf": conf},
    }
    path = folder / "config.yaml"
    path.write_text(json.dumps(settings))  # JSON is YAML
    return path


def command(*arguments: str) -> list[str]:
    """The `moderation` command of this checkout."""
    root = Path(__file__).parents[1]
    code = f"import sys; sys.path.insert(0, {str(root)!r}); from moderation.cli import main; main()"
    return [sys.executable, "-c", code, *arguments]


def size_of(folder: Path) -> int:
    """Bytes of the Parquet files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*.parquet"))


def line(measured: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Least squares of the stages' seconds over the rows, and the largest distance from it as a share of the most."""
    if len(measured) < 2:
        return None
    rows = np.array([one["rows"] for one in measured], float)
    found: dict[str, Any] = {}
    for name, seconds in (
        ("wall", np.array([sum(one["stages_seconds"].values()) for one in measured])),
        ("cpu", np.array([one["cpu_seconds"] for one in measured])),
    ):
        slope, start = np.polyfit(rows, seconds, 1)
        off = float(np.abs(seconds - (start + slope * rows)).max() / seconds.max())
        found[name] = {
            "us_per_row": round(slope * 1e6, 2),
            "seconds_at_zero": round(start, 2),
            "largest_residual": round(off, 4),
        }
    return found


def show(result: dict[str, Any]) -> None:
    """The figures for people."""
    print(f"{'rows':>10} {'µs a row:':>10} {' '.join(f'{name:>9}' for name in STAGES)} {'sum':>8}   decide rows/s")
    for one in result["sizes"]:
        parts = " ".join(f"{one['us_per_row'][name]:>9,.1f}" for name in STAGES)
        print(f"{one['rows']:>10,} {'':>10} {parts} {one['sum_us_per_row']:>8,.1f}   {one['decide_rows_per_second']:,}")
    for one in result["sizes"]:
        memory, sizes = (
            ", ".join(f"{name} {size:,}" for name, size in one[what].items())
            for what in ("peak_megabytes", "bytes_per_row")
        )
        print(
            f"{one['rows']:>10,} rows: {one['seconds']:,.1f} s with start-up, {one['cpu_seconds']:,.1f} CPU s;"
            f" at most MB: {memory}; bytes a row: {sizes}; load {one['load_before']} to {one['load_after']}"
        )
    again = result["redecide"]
    print(
        f"moderation decide, {again['rows']:,} rows: {again['seconds']:,.1f} s with start-up and gate,"
        f" {again['cpu_seconds']:,.1f} CPU s, {again['rows_per_second']:,} rows/s; stages {again['stages_seconds']}"
    )
    for name, fit in (result["line"] or {}).items():
        print(
            f"{name}: {fit['us_per_row']:,.1f} µs for a row more, {fit['seconds_at_zero']:,.1f} s for none,"
            f" largest residual {fit['largest_residual']:.1%}"
        )
    last = result["sizes"][-1]
    verdict = "reached" if last["sum_us_per_row"] <= AIM else "missed"
    print(f"aim {AIM:.0f} µs a row on {result['cores']} cores: {verdict} ({last['sum_us_per_row']:,.1f})")


if __name__ == "__main__":
    main()
