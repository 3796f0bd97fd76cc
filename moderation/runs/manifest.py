"""The manifest: what a run read, did and published, enough to repeat it."""

import json
import os
import platform
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

from moderation.errors import UsageError
from moderation.runs.seal import sealed

PACKAGES = (
    *("torch", "transformers", "tokenizers", "openvino", "nncf"),
    *("pyspark", "pyarrow", "pandas", "great-expectations"),
)
Status = Literal["running", "interrupted", "refused", "failed", "publishing", "published", "rolled_back"]
Stopped = Literal["scored", "accepted"]  # runs that were not to publish


@dataclass
class Manifest:
    """The content of `runs/<run_id>/manifest.json`. Counts are of rows, timings in seconds."""

    run_id: str
    started: str
    status: Status | Stopped = "running"
    finished: str | None = None
    config: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    inputs: list[dict[str, Any]] = field(default_factory=list)
    renamed_columns: dict[str, str] = field(default_factory=dict)
    privacy: dict[str, Any] = field(default_factory=dict)  # what was done to personal data, and how often
    model: dict[str, Any] = field(default_factory=dict)
    policy: dict[str, Any] = field(default_factory=dict)
    counts: dict[str, Any] = field(default_factory=dict)
    timings: dict[str, float] = field(default_factory=dict)
    throughput: dict[str, Any] = field(default_factory=dict)
    validation: dict[str, Any] = field(default_factory=dict)
    accepted_shift: dict[str, Any] | None = None  # who published in spite of a shift, why, and what it was
    published: list[dict[str, Any]] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    parent: str | None = None  # the run whose published state this one changed
    parent_sha256: str | None = None  # the digest that its manifest had
    tables: dict[str, int] = field(default_factory=dict)  # versions of the Delta tables after this run
    rolled_back: str | None = None  # when
    error: str | None = None
    run_key: str | None = None
    scores: dict[str, Any] = field(default_factory=dict)
    sha256: str | None = None  # of this manifest, as `moderation.runs.seal` computes it when it is written

    def write(self, folder: Path) -> None:
        """Writes the manifest whole or not at all."""
        target, scratch = folder / "manifest.json", folder / ".manifest.json.new"
        with scratch.open("w", encoding="utf-8") as file:
            file.write(json.dumps(sealed(asdict(self)), indent=2, default=str) + "\n")
            file.flush()
            os.fsync(file.fileno())  # a machine that goes down must not leave an empty file in its place
        scratch.replace(target)


def mark_interrupted(output: Path) -> None:
    """Has the manifests of runs that died say so, also of those that died before their publication was written down.

    Call it with the output's lock held, so that none is running, and after `recover`, so that none is to be finished.
    """
    for path in (output / "runs").glob("*/manifest.json"):
        content = read_manifest(path)
        if content["status"] in ("running", "publishing"):
            nothing: dict[str, Any] = {"published": [], "replaced": []}
            Manifest(**content | nothing | {"status": "interrupted"}).write(path.parent)


def versions() -> dict[str, str]:
    """Versions of Python, this package and what it computes with."""
    found = {"python": platform.python_version()}
    for name in ("moderation-batch", *PACKAGES):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def read_manifest(path: Path) -> dict[str, Any]:
    """A run's manifest; raises `UsageError` where it is none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: cannot be read ({error}); what the run published stays if you remove it") from error
    if not isinstance(content, dict) or "status" not in content:
        raise UsageError(f"{path}: is no manifest of a run; what the run published stays if you remove it")
    return content


def read_manifests(output: Path) -> list[dict[str, Any]]:
    """The manifests of an output folder, oldest first."""
    return [read_manifest(path) for path in sorted((output / "runs").glob("*/manifest.json"))]
