"""Removing what no kept run needs: replaced versions, staged rows of refused runs, stored scores."""

import contextlib
import datetime
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from moderation.errors import UsageError
from moderation.runs import publish_delta
from moderation.runs.history import Manifests, line, manifests_by_id, newest, state_after
from moderation.runs.locked import locked
from moderation.runs.publish_parquet import TREES, VERSIONS
from moderation.runs.run import ACCEPTED, STAGING

PUBLISHED = ("published", "rolled_back")


def clean(output: Path, keep: int, dry_run: bool = False) -> dict[str, Any]:
    """Removes what is not needed to go back to any of the last `keep` publications, the present one among them.

    Returns the files and bytes of each kind that were removed, or that a dry run would remove.
    """
    if keep < 1:
        raise UsageError(f"--keep {keep}: keep at least 1, the run that is published now")
    output = output.resolve()
    with locked(output):
        manifests = manifests_by_id(output)
        kept = line(manifests, newest(manifests))[-keep:]
        found = {
            "versions": [*old_versions(output, manifests, kept), *old_files(output, manifests, kept)],
            "staging": list(abandoned(output)),
            "scores": list(unused_scores(output, manifests, kept)),
        }
        figures = {kind: {"files": len(files), "bytes": freed(files)} for kind, files in found.items()}
        if not dry_run:
            for kind, folder in (("versions", VERSIONS), ("staging", STAGING), ("scores", "scores")):
                remove(found[kind], [output / folder])
        return {"dry_run": dry_run, "kept": kept, **figures, "bytes": sum(one["bytes"] for one in figures.values())}


def abandoned(output: Path) -> Iterator[Path]:
    """Staged rows of runs that were refused or died; what the gate accepted waits for `moderation publish`."""
    for folder in (output / STAGING).glob("*"):
        if not (folder / ACCEPTED).exists():
            yield from files_below(folder)


def old_versions(output: Path, manifests: Manifests, kept: list[str]) -> Iterator[Path]:
    """Replaced files of the Parquet format that no kept state has, or that are in place once more."""
    needed = {path for run_id in kept for path in state_after(manifests, run_id)}
    for file in files_below(output / VERSIONS):
        path = str(Path(*file.relative_to(output / VERSIONS).parts[1:]))
        if path not in needed or (output / path).exists():
            yield file


def old_files(output: Path, manifests: Manifests, kept: list[str]) -> Iterator[Path]:
    """Files of the Delta tables that no kept version has; kept versions must still be in the table's log."""
    for tree in TREES:
        if publish_delta.is_table(output / tree):
            versions = [manifests[run_id]["tables"].get(tree) for run_id in kept]
            needed = {
                file
                for version in (*versions, publish_delta.open_table(output / tree).version())
                if version is not None
                for file in publish_delta.files_of(output / tree, version)
            }
            yield from (file for file in (output / tree).glob("date=*/*.parquet") if file not in needed)


def unused_scores(output: Path, manifests: Manifests, kept: list[str]) -> Iterator[Path]:
    """Stored scores of inputs and models of which no kept state has a row.

    What was stored since the first run that came after them and did not publish stays too: it may go on from there.
    """
    files = {path for run_id in kept for path in state_after(manifests, run_id)}
    needed = {
        f"{manifest['scores']['key']}/{entry['sha256']}"
        for manifest in manifests.values()
        if manifest.get("scores") and any(entry["path"] in files for entry in manifest["published"])
        for entry in manifest["inputs"]
    }
    last = manifests[kept[-1]]["started"] if kept else ""
    open_ends = [
        one["started"] for one in manifests.values() if one["status"] not in PUBLISHED and one["started"] >= last
    ]
    since = datetime.datetime.fromisoformat(min(open_ends)).timestamp() if open_ends else float("inf")
    for file in files_below(output / "scores"):
        used = "/".join(file.relative_to(output / "scores").parts[:2]) in needed
        if not used and file.stat().st_mtime < since:
            yield file


def files_below(folder: Path) -> Iterator[Path]:
    """All files below a folder that may not exist."""
    return (path for path in folder.rglob("*") if path.is_file())


def freed(files: Iterable[Path]) -> int:
    """The bytes that removing files gives back: a file with another hard link gives none."""
    links: dict[tuple[int, int], tuple[int, int]] = {}
    for file in files:
        stat = file.stat()
        name = (stat.st_dev, stat.st_ino)
        links[name] = (links.get(name, (stat.st_nlink, 0))[0] - 1, stat.st_size)
    return sum(size for left, size in links.values() if left == 0)


def remove(files: list[Path], roots: list[Path]) -> None:
    """Removes files, and the folders below (and with) the roots that are then empty."""
    for file in files:
        file.unlink()
    for root in roots:
        for folder in sorted(root.rglob("*"), reverse=True):
            if folder.is_dir():
                with contextlib.suppress(OSError):
                    folder.rmdir()
        with contextlib.suppress(OSError):
            root.rmdir()
