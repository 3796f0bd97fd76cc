"""Finishing what a journal says, in the run that wrote it or in the next one after it died."""

import contextlib
import datetime
import shutil
from pathlib import Path

from moderation.runs import publish_delta, publish_parquet
from moderation.runs.manifest import read_manifest, read_manifests
from moderation.runs.publish_journal import JOURNAL, journals, read_journal, write_json
from moderation.runs.seal import sealed


def carry_out(output: Path, folder: Path) -> None:
    """Does what the journal in a run's folder says, as far as it has not been done, and removes the journal."""
    journal = read_journal(folder)
    publish_parquet.carry_out(output, journal.operation, journal.folders)
    versions = publish_delta.carry_out(output, journal.operation, journal.tables)
    for run_id, status in journal.statuses.items():
        if run_id == journal.operation:
            mark_published(output / "runs" / run_id, status, versions)
        else:
            mark(output / "runs" / run_id, status)
    remove_staged(output, journal.operation)  # before the journal: without one nobody would look for it
    (folder / JOURNAL).unlink()


def remove_staged(output: Path, run_id: str) -> None:
    """Removes the staged rows of a run that is published."""
    shutil.rmtree(output / ".staging" / run_id, ignore_errors=True)
    with contextlib.suppress(OSError):  # others are kept, for a look at what was refused
        (output / ".staging").rmdir()


def mark_published(folder: Path, status: str, tables: dict[str, int]) -> None:
    """Completes the manifest of the run whose publication was just carried out."""
    content = read_manifest(folder / "manifest.json")
    changes = {
        "status": status,
        "error": None,
        "finished": content.get("finished") or now(),
        "tables": tables or content.get("tables", {}),
    }
    write_json(folder / "manifest.json", sealed(content | changes))


def mark(folder: Path, status: str) -> None:
    """Sets the status of a run that a rollback takes back or brings back; what it did, and its digest, stay."""
    content = read_manifest(folder / "manifest.json")
    time = now() if status == "rolled_back" else None
    write_json(folder / "manifest.json", content | {"status": status, "rolled_back": time})


def now() -> str:
    """The time as manifests have it."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


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
