"""Publishing as plain Parquet: a date's folder is prepared whole beside the table and then put in its place.

The folder that was replaced stays below `.versions/<run id>/`, for `moderation runs rollback`. Files are hard links
where the file system has them, so that neither preparing nor keeping costs space.
"""

import os
import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from moderation.errors import UsageError
from moderation.runs.publish_swap import names_in, put_in_place, sync_folder

VERSIONS = ".versions"
TREES = ("labelled", "quarantine")


def published(output: Path, tree: str) -> Iterator[Path]:
    """The current files of a tree."""
    yield from sorted((output / tree).glob("date=*/*.parquet"))


def next_states(output: Path, moves: list[tuple[Path, str]], old: list[Path]) -> dict[str, dict[str, Path]]:
    """The folders that a publication changes: the files that each will hold, and where these are now."""
    gone, states = set(old), defaultdict[str, dict[str, Path]](dict)
    folders = {str(Path(target).parent) for _, target in moves} | {str(x.parent.relative_to(output)) for x in old}
    for folder in folders:
        live = output / folder
        states[folder] = {name: live / name for name in names_in(live) if live / name not in gone}
    for source, target in moves:
        states[str(Path(target).parent)][Path(target).name] = source
    return dict(states)


def prepare(output: Path, operation: str, states: dict[str, dict[str, Path]]) -> dict[str, list[str]]:
    """Makes the next state of every folder below `.versions/<operation>/`; returns names for the journal.

    Nothing that readers see changes. Raises `UsageError` where the folders could not be put in place later.
    """
    changed = {folder: files for folder, files in states.items() if set(files) != names_in(output / folder)}
    check_place(output, changed)
    for folder, files in changed.items():
        if files:
            link_all(files, output / VERSIONS / operation / folder)
    return {folder: sorted(files) for folder, files in changed.items()}


def link_all(files: dict[str, Path], target: Path) -> None:
    """Fills a new folder with files and has them written to the disk."""
    target.mkdir(parents=True, exist_ok=True)
    for name, source in files.items():
        link(source, target / name)
        handle = os.open(target / name, os.O_RDONLY)
        os.fsync(handle)
        os.close(handle)
    sync_folder(target)


def link(source: Path, target: Path) -> None:
    """A hard link, or a copy where the file system has no links."""
    try:
        target.hardlink_to(source)
    except OSError:
        scratch = target.with_name(f".{target.name}.part")
        shutil.copy2(source, scratch)
        scratch.rename(target)


def check_place(output: Path, folders: Iterable[str]) -> None:
    """Refuses what a rename could not do: another file system, or a folder where this user may not write."""
    for place in {output / Path(folder).parts[0] for folder in folders}:
        if not place.exists():
            continue
        if place.stat().st_dev != output.stat().st_dev:
            raise UsageError(f"{place}: is on another file system than {output}; both must be on one")
        if not os.access(place, os.W_OK | os.X_OK):
            raise UsageError(f"{place}: this user may not write there")


def carry_out(output: Path, operation: str, folders: dict[str, list[str]]) -> None:
    """Puts the prepared folders in place, those that are not yet."""
    for folder, names in folders.items():
        put_in_place(output / folder, output / VERSIONS / operation / folder, set(names))
    for place in {(output / folder).parent for folder in folders}:
        sync_folder(place)


def discard(output: Path, operation: str) -> None:
    """Removes what was prepared and will not be put in place."""
    shutil.rmtree(output / VERSIONS / operation, ignore_errors=True)
