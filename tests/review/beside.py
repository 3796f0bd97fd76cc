"""A published run and a sample of it, made without Spark, whose model is there; and what runs beside a server."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from moderation.audit.design import SampleFolder
from moderation.audit.verdict import Verdict
from moderation.models.panel import find_panel
from tests.audit.drawn_by_hand import THRESHOLDS, sample_by_hand
from tests.audit.reported import published, row

RUN = "20260105T000000Z-abcdef"
DAY = "2026-01-05"


def run_with_model(output: Path, model: Path, bodies: list[str]) -> SampleFolder:
    """A run of a model with a sample of all its rows, in the order of `bodies`."""
    published(output, [row(number, body, 0.2, 0.1) for number, body in enumerate(bodies)], RUN)
    path = output / "runs" / RUN / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    panel = find_panel(str(model))
    said = {"config": {"models": [{"source": str(model)}]}, "model": panel.describe()}
    path.write_text(json.dumps(manifest | said), encoding="utf-8")
    folder = sample_by_hand(output, len(bodies), run_id=RUN)
    table = parquet.read_table(folder.sample)
    table = table.set_column(table.column_names.index("body"), "body", pa.array(bodies))
    table = table.set_column(table.column_names.index("stratum"), "stratum", pa.array(["all"] * len(bodies)))
    scores = [dict.fromkeys(THRESHOLDS, 0.1) | {"threat": 0.9} for _ in bodies]
    parquet.write_table(table.set_column(table.column_names.index("scores"), "scores", pa.array(scores)), folder.sample)
    return folder


def said(number: int, label: str = "insult", verdict: str = "yes", reviewer: str = "ann") -> Verdict:
    """A verdict on a row of `sample_by_hand`."""
    return Verdict(f"r{number}", label, reviewer, verdict, f"2026-01-0{1 + number % 3}")


def key(number: int) -> tuple[str, str]:
    """Id and date of a row of `sample_by_hand`."""
    return f"r{number}", f"2026-01-0{1 + number % 3}"


def until(told: Callable[[], Any], seconds: float = 60.0) -> Any:
    """What is told once it is something; fails after `seconds`."""
    end = time.monotonic() + seconds
    while not (found := told()):
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.02)
    return found


def alive(pid: int) -> bool:
    """Whether a process still runs; one that only waits to be collected does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def children(parent: int = 0) -> list[int]:
    """The processes that a process started and that still run."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and alive(int(entry.name)):
            try:
                stat = (entry / "stat").read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(stat[1]) == (parent or os.getpid()):
                found.append(int(entry.name))
    return found
