"""Finishing what a journal says, in the run that wrote it or in the next one after it died."""

import datetime
import json
from pathlib import Path
from typing import Any

from moderation.runs import publish_delta, publish_parquet
from moderation.runs.manifest import read_manifests
from moderation.runs.publish_journal import JOURNAL, journals, read_journal, write_json


def carry_out(output: Path, folder: Path) -> None:
    """Does what the journal in a run's folder says, as far as it has not been done, and removes the journal."""
    journal = read_journal(folder)
    publish_parquet.carry_out(output, journal.operation, journal.folders)
    versions = publish_delta.carry_out(output, journal.operation, journal.tables)
    for run_id, status in journal.statuses.items():
        mark(output / "runs" / run_id, status, versions if run_id == journal.operation else {})
    (folder / JOURNAL).unlink()


def mark(folder: Path, status: str, tables: dict[str, int]) -> None:
    """Sets a run's status in its manifest."""
    path = folder / "manifest.json"
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    time = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    changes: dict[str, Any] = {
        "status": status,
        "error": None,
        "rolled_back": time if status == "rolled_back" else None,
    }
    changes["finished"] = content.get("finished") or time
    changes["tables"] = tables or content.get("tables", {})
    write_json(path, content | changes)


def recover(output: Path) -> None:
    """Finishes the publications that were written down, and removes what died before. Call it with the lock held."""
    for folder in journals(output):
        carry_out(output, folder)
    for manifest in read_manifests(output):
        if manifest["status"] in ("running", "publishing"):
            discard(output, manifest["run_id"], manifest["config"].get("publish", {}).get("format", "parquet"))


def discard(output: Path, run_id: str, kind: str) -> None:
    """Removes what a run had prepared and not written down."""
    publish_parquet.discard(output, run_id)
    if kind == "delta":
        publish_delta.discard(output, run_id)
