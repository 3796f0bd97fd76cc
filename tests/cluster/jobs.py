"""The main job on a cluster as a user submits it, with the project's own settings, shrunk to this machine."""

import json
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

from tests.cluster.standalone import Cluster
from tests.commands import ROOT
from tests.dumps import comment, read_rows, write_dump

GPU_SETTINGS = ROOT / "conf" / "spark-gpu.conf"
CLUSTER_CONFIG = ROOT / "conf" / "moderation-cluster.yaml"
ONE_EXECUTOR_EACH = {"spark.cores.max": "8"}  # of four cores, and so two tasks, on each of two workers
ON_THIS_MACHINE = {"MODERATION_BACKEND": "torch", "MODERATION_THREADS": "1"}
ROWS, SHARDS = 16_000, 16


def make_dump(path: Path) -> Path:
    """A file of sixteen shards."""
    return write_dump(
        path, [comment(f"c{row}", f"you idiot, number {row} of Paris " * (1 + row % 9)) for row in range(ROWS)]
    )


def arguments(dump: Path, output: Path, model: Path, device: str = "cpu") -> list[object]:
    """The job and its options."""
    options: list[object] = ["--config", CLUSTER_CONFIG, "--input", dump, "--output", output, "--model", model]
    return [ROOT / "jobs" / "moderate.py", *options, "--device", device, "--precision", "fp32"]


def submitted(cluster: Cluster, given: list[object], **conf: str) -> Any:
    """Submits the job with the settings for GPUs and waits for its end."""
    return cluster.submit(ONE_EXECUTOR_EACH | conf, *given, properties=GPU_SETTINGS, **ON_THIS_MACHINE)


def said(stdout: str) -> str:
    """The one line that the job itself says at its end; spark-submit gives all that its Python says to its stdout."""
    lines = [line for line in stdout.splitlines() if line.startswith("moderation: ")]
    assert len(lines) == 1, stdout[-3000:]
    return lines[0]


def published(output: Path) -> list[dict[str, Any]]:
    """The published rows, but for the run's name."""
    return [{name: value for name, value in row.items() if name != "run_id"} for row in read_rows(output)]


def like(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows to compare with: scores may differ in the sixth digit, by what else was in a batch."""
    for row in rows:
        row["scores"] = pytest.approx(row["scores"], abs=1e-5)
        for entity in row["entities"]:
            entity["score"] = pytest.approx(entity["score"], abs=1e-5)
    return rows


def shard_files(output: Path) -> list[Path]:
    """The shards that are in the score store."""
    return sorted((output / "scores").glob("*/*/[0-9]*.parquet"))


def scored_where(output: Path) -> list[dict[str, Any]]:
    """What each shard's file says of the task that scored it."""
    found = [parquet.read_metadata(file).metadata[b"moderation"] for file in shard_files(output)]
    return [json.loads(about)["task"] for about in found]
