"""Manifests against their own digests, and against those that the runs after them have recorded."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from moderation.audit.check import Check, as_recorded, differs, unchecked
from moderation.errors import UsageError
from moderation.runs.history import Manifests
from moderation.runs.seal import SEAL, manifest_digest

SHORTEST = 12  # hexadecimal digits of a digest that somebody noted


def check_manifest(output: Path, manifest: dict[str, Any], expected: str | None) -> Iterator[Check]:
    """A run's manifest: its digest, its bytes, and the digest that somebody noted elsewhere."""
    name, found = path_of(manifest["run_id"]), manifest_digest(manifest)
    text = (output / name).read_text(encoding="utf-8")
    if manifest.get(SEAL) is None:
        yield differs("manifest", name, "has no digest of itself: removed, or of a version that wrote none")
    elif manifest[SEAL] != found:
        yield differs("manifest", name, f"its content has the digest {found}, and it says {manifest[SEAL]}")
    elif text != json.dumps(manifest, indent=2) + "\n":
        yield differs("manifest", name, "is not written as it was: the same values in other bytes")
    elif expected is not None and not matches(found, expected):
        yield differs("manifest", name, f"has the digest {found}, and {expected} was expected")
    else:
        yield as_recorded("manifest", name)


def matches(found: str, expected: str) -> bool:
    """Whether a digest is the noted one, or begins with it; raises `UsageError` for one too short to tell."""
    noted = expected.strip().lower()
    if len(noted) < SHORTEST or set(noted) - set("0123456789abcdef"):
        raise UsageError(f"--expect {expected}: is no digest; give at least {SHORTEST} hexadecimal digits of it")
    return found.startswith(noted)


def check_chain(manifests: Manifests, manifest: dict[str, Any]) -> Iterator[Check]:
    """The manifests of the runs before, each by the digest that its successor recorded, and the run's own by those
    that were published on it."""
    run_id = manifest["run_id"]
    for child in manifests.values():
        if child.get("parent") == run_id and child["status"] in ("published", "rolled_back"):
            yield from recorded_by(manifests, child)
    child, seen = manifest, {run_id}
    while (parent := child.get("parent")) is not None and parent not in seen:
        seen.add(parent)
        yield from recorded_by(manifests, child)
        if parent not in manifests:
            return
        child = manifests[parent]


def recorded_by(manifests: Manifests, child: dict[str, Any]) -> Iterator[Check]:
    """The manifest of a run's parent against the digest that the run recorded of it."""
    parent, recorded = child["parent"], child.get("parent_sha256")
    name = path_of(parent)
    if parent not in manifests:
        yield differs("manifest", name, f"missing, and run {child['run_id']} was published on it")
    elif recorded is None:
        yield unchecked("manifest", name, f"run {child['run_id']}, published on it, recorded no digest of it")
    elif (found := manifest_digest(manifests[parent])) != recorded:
        yield differs("manifest", name, f"has the digest {found}, and run {child['run_id']} recorded {recorded}")
    else:
        yield as_recorded("manifest", name)


def path_of(run_id: str) -> str:
    """Where a run's manifest is, below the output."""
    return f"runs/{run_id}/manifest.json"
