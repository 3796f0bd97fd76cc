"""Which files an input path stands for: each real file once, and none passed over in silence."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from moderation.errors import UsageError

SUFFIX = ".parquet"
NOTHING = "no such file or folder"
INGEST_JOURNALS = "_ingest/*.journal.json"  # there while `moderation ingest` puts the files of a source in place
OWN_FOLDERS = ("labelled", "quarantine", "runs", "scores")  # what runs write below an output folder
KINDS = {
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFLNK: "a link that leads nowhere",
}


def resolved(given: Path) -> Path:
    """The absolute path without links; raises `UsageError` where there is nothing that can be read."""
    try:
        found = given.resolve()
        kind = stat.S_IFMT(found.stat().st_mode)
    except FileNotFoundError as error:
        raise UsageError(f"input {given}: {'a link that leads nowhere' if given.is_symlink() else NOTHING}") from error
    except (OSError, RuntimeError, ValueError) as error:  # a loop of links; a NUL or too many letters in the name
        raise UsageError(f"input {given}: cannot be opened ({getattr(error, 'strerror', None) or error})") from error
    if kind not in (stat.S_IFREG, stat.S_IFDIR):
        raise UsageError(f"input {given}: {KINDS.get(kind, 'something else')}, neither file nor folder")
    return found


def parquet_files(root: Path, given: Path) -> Iterator[Path]:
    """The file itself, or the Parquet files of a folder in order of their names, hidden and temporary ones left out.

    Links are followed; a file to which several lead is found once, by the first. Raises `UsageError` for a folder that
    cannot be listed, holds none or is being ingested into, and for a FIFO, a device or a broken link with the name of a
    Parquet file.
    """
    if root.is_file():
        check_is_file(root)
        yield root
        return
    if half_ingested(root) or half_ingested(root.parent):
        raise UsageError(f"input {given}: `moderation ingest` is at work there, or died at it; run it again first")
    found: dict[Path, Path] = {}
    for file in sorted(walk(root, set())):
        check_is_file(file)
        found.setdefault(file.resolve(), file)
    if not found:
        raise UsageError(f"input {given}: the folder holds no {SUFFIX} file")
    yield from found.values()


def half_ingested(folder: Path) -> bool:
    """Whether some files of a source are in place there and others are not yet."""
    return any(folder.glob(INGEST_JOURNALS))


def walk(folder: Path, seen: set[Path]) -> Iterator[Path]:
    """What is called like a Parquet file and is no folder, below a folder; `seen` cuts loops of links."""
    if (real := folder.resolve()) in seen:
        return
    seen.add(real)
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise UsageError(f"input {folder}: the folder cannot be listed ({error.strerror})") from error
    for entry in entries:
        if entry.name.startswith((".", "_")):
            continue
        if (path := Path(entry.path)).is_dir():
            yield from walk(path, seen)
        elif path.suffix == SUFFIX:
            yield path


def check_is_file(path: Path) -> None:
    """Refuses what would block or has no end, links that lead nowhere, and names that Spark and JSON cannot hold: to
    pass over any of them could be to lose data."""
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        raise UsageError(f"input {path}: the name is not UTF-8; rename it") from error
    try:
        mode = path.stat().st_mode
    except OSError:
        mode = path.lstat().st_mode
    if not stat.S_ISREG(mode):
        raise UsageError(f"input {path}: {KINDS.get(stat.S_IFMT(mode), 'something else')}, not a file")


def check_apart(inputs: list[Path], roots: list[Path], output: Path) -> None:
    """Refuses an output folder inside an input folder, and inputs among what runs write: the next run would read it."""
    for root in dict.fromkeys(roots):
        if output.is_relative_to(root) and root.is_dir():
            raise UsageError(
                f"output {output}: lies inside the input {root}, so the next run would read its own results; "
                "name a folder elsewhere"
            )
    for path in inputs:
        parts = path.relative_to(output).parts if path.is_relative_to(output) else ()
        if parts and (parts[0] in OWN_FOLDERS or parts[0].startswith(".")):
            raise UsageError(f"input {path}: is what runs write below the output {output}; name another output")
