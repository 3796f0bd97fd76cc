"""Runs that the gate accepted and that wait for `moderation publish`; their staged rows stay until then."""

import datetime
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from moderation.config import PublishSettings
from moderation.errors import UsageError
from moderation.runs.locked import locked
from moderation.runs.manifest import Manifest, read_manifests
from moderation.runs.mirror.mirror import mirrored
from moderation.runs.publish import TREES, Scope, publish, published_files, staged_dates, staged_files
from moderation.runs.run import ACCEPTED, STAGING

REACHED = ("accepted", "published", "refused")  # the gate has spoken


def set_aside(output: Path, staging: Path, scope: Scope) -> None:
    """Keeps a run's staged rows; whoever publishes them later checks that nothing has changed since."""
    for other in waiting(output):
        if overlaps(read_scope(other), scope):
            shutil.rmtree(other)
    content = {
        "keys": sorted(scope.keys),
        "dates": None if scope.dates is None else sorted(scope.dates),
        "staged": staged(staging),
        "published": concerned(output, staging, scope),
    }
    scratch = staging / f".{ACCEPTED}.new"
    scratch.write_text(json.dumps(content), encoding="utf-8")
    scratch.replace(staging / ACCEPTED)


def waiting(output: Path) -> Iterator[Path]:
    """The staging folders of accepted runs."""
    return (path.parent for path in sorted((output / STAGING).glob(f"*/{ACCEPTED}")))


def publish_accepted(output: Path, run_id: str | None, tag: str | None) -> tuple[Manifest, bool]:
    """Publishes what the gate accepted; the second value is False where that was done before. A copy elsewhere follows.

    Raises `UsageError` where there is no such run, it was not accepted, its rows are not what the gate saw, or the copy
    cannot be made.
    """
    with locked(output):
        settings = PublishSettings(**find(output.resolve(), run_id, tag).config.get("publish", {}))
    with mirrored(output, settings):
        return publish_one(output, run_id, tag)


def publish_one(output: Path, run_id: str | None, tag: str | None) -> tuple[Manifest, bool]:
    """Publishes what the gate accepted, here."""
    with locked(output):
        output = output.resolve()
        manifest = find(output, run_id, tag)
        staging, folder = output / STAGING / manifest.run_id, output / "runs" / manifest.run_id
        if manifest.status == "published":
            return manifest, False
        if manifest.status != "accepted" and not is_ready(output, manifest.run_id, manifest.finished):
            raise UsageError(
                f"run {manifest.run_id}: is {manifest.status}, not accepted by the gate; validate it first"
            )
        check_unchanged(output, staging, manifest.run_id)
        started = datetime.datetime.now(datetime.UTC)
        publish(output, staging, folder, read_scope(staging), manifest)
        ended = datetime.datetime.now(datetime.UTC)
        manifest.timings["publish"] = round((ended - started).total_seconds(), 3)
        manifest.finished = ended.isoformat(timespec="seconds")
        manifest.write(folder)
        return manifest, True


def find(output: Path, run_id: str | None, tag: str | None) -> Manifest:
    """The run of this id, or else the newest one of this tag that got as far as the gate."""
    found = [
        manifest
        for manifest in read_manifests(output)
        if (manifest["run_id"] == run_id if run_id else manifest["config"].get("tag") == tag)
        and (run_id or manifest["status"] in REACHED or is_ready(output, manifest["run_id"], manifest["finished"]))
    ]
    if not found:
        raise UsageError(f"output {output}: no run {run_id or f'with the tag {tag!r}'} that got as far as the gate")
    return Manifest(**found[-1])


def is_ready(output: Path, run_id: str, finished: str | None) -> bool:
    """Whether accepted rows wait, whatever the manifest says since: a publication that died before it was written down
    leaves `publishing` or `interrupted`. A run that never finished has no manifest to publish by."""
    return finished is not None and (output / STAGING / run_id / ACCEPTED).is_file()


def check_unchanged(output: Path, staging: Path, run_id: str) -> None:
    """Refuses staged rows that are gone or touched, and dates that another run has published since."""
    if not (staging / ACCEPTED).is_file():
        raise UsageError(f"run {run_id}: its staged rows are gone, as a later run took their place; validate again")
    content, scope = read(staging), read_scope(staging)
    if content["staged"] != staged(staging):
        raise UsageError(f"run {run_id}: its staged rows in {staging} are not those the gate saw; validate again")
    if content["published"] != concerned(output, staging, scope):
        raise UsageError(f"run {run_id}: another run has published rows of these dates since; validate again")


def staged(staging: Path) -> dict[str, int]:
    """The staged files, with their sizes in bytes."""
    files = (file for tree in TREES for file, _ in staged_files(staging, tree))
    return {str(file.relative_to(staging)): file.stat().st_size for file in files}


def concerned(output: Path, staging: Path, scope: Scope) -> dict[str, int]:
    """The published files that the gate compared the run's ids with, and those that the run replaces."""
    days = {f"date={day}" for day in staged_dates(staging)}
    files = (file for tree in TREES for file in published_files(output, tree))
    return {
        str(file.relative_to(output)): file.stat().st_size
        for file in files
        if file.parent.name in days or scope.covers(file)
    }


def overlaps(one: Scope, other: Scope) -> bool:
    """Whether two runs replace publications of the same inputs on the same dates."""
    same_dates = one.dates is None or other.dates is None or one.dates - {"unknown"} & other.dates
    return bool(one.keys & other.keys) and bool(same_dates)


def read(staging: Path) -> dict[str, Any]:
    """What was written when the run was accepted."""
    return dict(json.loads((staging / ACCEPTED).read_text(encoding="utf-8")))


def read_scope(staging: Path) -> Scope:
    """Whose earlier publications an accepted run replaces."""
    content = read(staging)
    return Scope(frozenset(content["keys"]), None if content["dates"] is None else frozenset(content["dates"]))
