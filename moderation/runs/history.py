"""Which runs made the published state what it is: every publication knows the one before it."""

from pathlib import Path
from typing import Any

from moderation.errors import UsageError
from moderation.runs.manifest import read_manifests

Manifests = dict[str, dict[str, Any]]


def manifests_by_id(output: Path) -> Manifests:
    """The manifests of an output, oldest first."""
    return {manifest["run_id"]: manifest for manifest in read_manifests(output)}


def head(output: Path) -> str | None:
    """The run that published last; None where nothing is published."""
    return newest(manifests_by_id(output))


def newest(manifests: Manifests) -> str | None:
    """The published run on which no other was published."""
    published = {run_id: manifest for run_id, manifest in manifests.items() if manifest["status"] == "published"}
    parents = {manifest.get("parent") for manifest in published.values()}
    ends = [run_id for run_id in published if run_id not in parents]
    return max(ends, default=None)


def line(manifests: Manifests, run_id: str | None) -> list[str]:
    """The publications that led to a run's state, oldest first; raises `UsageError` where a manifest is gone."""
    found: list[str] = []
    while run_id is not None:
        if run_id not in manifests or run_id in found:
            raise UsageError(
                f"run {run_id}: its manifest is gone or damaged, so what was published before it cannot be told"
            )
        found.append(run_id)
        run_id = manifests[run_id].get("parent")
    return found[::-1]


def state_after(manifests: Manifests, run_id: str | None) -> dict[str, int]:
    """The published files right after a run, as paths relative to the output, with their sizes."""
    files: dict[str, int] = {}
    for step in line(manifests, run_id):
        for path in manifests[step]["replaced"]:
            files.pop(path, None)
        files |= {entry["path"]: entry["size"] for entry in manifests[step]["published"]}
    return files
