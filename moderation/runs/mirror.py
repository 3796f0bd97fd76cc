"""A copy of what an output publishes, as Delta tables on an object store: new files first, then one commit a table.

The difference is by name: a published file's name holds its input and its run, and is never written twice. Readers of
the copy see one published state after the other, and none of what is half uploaded.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from moderation.errors import UsageError
from moderation.runs import publish_delta
from moderation.runs.history import head, line, manifests_by_id
from moderation.runs.locked import locked
from moderation.runs.publish import published_files
from moderation.runs.publish_parquet import TREES

if TYPE_CHECKING:
    from deltalake import DeltaTable
    from obstore.store import ObjectStore

SCHEMES = ("s3", "gs", "az", "abfs", "abfss")
OURS = re.compile(r"date=[^/]+/[^/]+-\d{5}\.parquet")
COLOURS = re.compile("\x1b\\[[0-9;]*m")  # deltalake's errors have them, terminal or not
ATTEMPTS = 3
Uploaded = Callable[[str, int], None]  # a file's path and bytes


@dataclass(frozen=True)
class Change:
    """What a table of the copy lacks (path to file), and what it has that is published no more."""

    tree: str
    added: dict[str, Path]
    removed: dict[str, int]

    @property
    def size(self) -> int:
        """The bytes to upload."""
        return sum(file.stat().st_size for file in self.added.values())


@dataclass(frozen=True)
class Mirrored:
    """What became of one table of the copy."""

    tree: str
    version: int | None
    added: int
    removed: int
    bytes: int


def mirror(output: Path, to: str, told: Uploaded = lambda path, size: None) -> list[Mirrored]:
    """Makes the tables `to/labelled` and `to/quarantine` hold what the output publishes now; a second time is nothing.

    The output's lock is held while its files are listed and while the copy is committed, not while they are uploaded;
    where a run published meanwhile, what that changed is uploaded too. Raises `UsageError` for a place that is none,
    cannot be reached or holds something else, and where nothing is published.
    """
    check_place(to)
    uploaded: set[str] = set()
    with clear_errors(to):
        for _ in range(ATTEMPTS):
            with locked(output):
                origin, files = state(output)
                found = [change(f"{to}/{tree}", tree, files[tree], origin) for tree in TREES]
            try:
                for one in found:
                    upload(f"{to}/{one.tree}", one, uploaded, told)
            except FileNotFoundError:
                continue  # replaced and cleaned meanwhile
            with locked(output):
                if state(output)[1] == files:
                    return [commit(f"{to}/{one.tree}", one, origin, head(output)) for one in found]
    raise UsageError(f"output {output}: was published anew {ATTEMPTS} times while it was copied; try again")


def check_place(to: str) -> None:
    """Raises `UsageError` for what is no address of an object store, and where a package is missing."""
    parts = urlsplit(to)
    if parts.scheme not in SCHEMES or not parts.netloc:
        raise UsageError(f"--to {to}: give an address such as s3://bucket/folder ({', '.join(SCHEMES)})")
    if parts.query or parts.fragment or parts.password or to.endswith("/"):
        raise UsageError(f"--to {parts.scheme}://{parts.hostname}{parts.path}: no query, password or slash at the end")
    try:
        import deltalake  # noqa: F401
        import obstore  # noqa: F401
    except ImportError as error:
        raise UsageError(f"--to {to}: needs the delta extra: pip install 'moderation-batch[delta]'") from error


def state(output: Path) -> tuple[str, dict[str, dict[str, Path]]]:
    """The run that published first, which tells outputs apart, and the files of each table by their path in it."""
    manifests = manifests_by_id(output)
    if not (runs := line(manifests, head(output))):
        raise UsageError(f"output {output}: nothing is published there")
    return runs[0], {tree: {"/".join(x.parts[-2:]): x for x in published_files(output, tree)} for tree in TREES}


def open_copy(uri: str, origin: str) -> "DeltaTable | None":
    """A table of the copy; None where there is none. Raises `UsageError` for one that is not this output's copy."""
    from deltalake import DeltaTable

    if not DeltaTable.is_deltatable(uri):
        return None
    table = DeltaTable(uri)
    if (theirs := table.metadata().description or "") != description(origin):
        raise UsageError(f"{uri}: is a table already, and no copy of this output ({theirs or 'no description'})")
    if odd := [path for path in sizes(table) if not OURS.fullmatch(path)]:
        raise UsageError(f"{uri}: {odd[0]} was written by another program (compacted?); copy to another place")
    return table


def description(origin: str) -> str:
    """What the tables of an output's copy say of themselves."""
    return f"copy of the output whose first run is {origin}"


def sizes(table: "DeltaTable") -> dict[str, int]:
    """The files of a table by path, with their bytes."""
    import pyarrow

    adds = pyarrow.table(table.get_add_actions())
    paths = [unquote(path) for path in adds["path"].to_pylist()]
    return dict(zip(paths, adds["size_bytes"].to_pylist(), strict=True))


def change(uri: str, tree: str, files: dict[str, Path], origin: str) -> Change:
    """What a table of the copy is to gain and to lose."""
    table = open_copy(uri, origin)
    there = sizes(table) if table else {}
    added = {path: file for path, file in files.items() if there.get(path) != file.stat().st_size}
    return Change(tree, added, {path: size for path, size in there.items() if path not in files})


def upload(uri: str, wanted: Change, uploaded: set[str], told: Uploaded) -> None:
    """Puts new files beside the table's, where no reader looks before the commit."""
    import obstore
    from obstore.store import from_url

    store: ObjectStore = from_url(uri)
    for path, file in sorted(wanted.added.items()):
        if f"{uri}/{path}" not in uploaded:
            size = file.stat().st_size
            obstore.put(store, path, file)
            uploaded.add(f"{uri}/{path}")
            told(f"{wanted.tree}/{path}", size)


def commit(uri: str, wanted: Change, origin: str, run_id: str | None) -> Mirrored:
    """Has a table hold the new files and no longer the old ones, in one step."""
    from deltalake import CommitProperties
    from pyarrow import parquet

    table = open_copy(uri, origin)
    if wanted.added or wanted.removed:
        schemas = [publish_delta.to_delta(parquet.read_schema(file)) for file in wanted.added.values()]
        plan = {
            "adds": [
                entry(path, file.stat().st_size) | {"rows": parquet.read_metadata(file).num_rows}
                for path, file in sorted(wanted.added.items())
            ],
            "removes": [entry(path, size) for path, size in sorted(wanted.removed.items())],
            "schema": publish_delta.wider(table, schemas, uri),
        }
        told = CommitProperties(custom_metadata={"run_id": run_id or ""})
        publish_delta.commit(uri, table, plan, told, description=description(origin))
        table = open_copy(uri, origin)
    return Mirrored(
        wanted.tree, table.version() if table else None, len(wanted.added), len(wanted.removed), wanted.size
    )


def entry(path: str, size: int) -> dict[str, str | int]:
    """A file as a commit names it."""
    return {"path": path, "date": path.split("/")[0].removeprefix("date="), "size": size}


@contextmanager
def clear_errors(to: str) -> Iterator[None]:
    """What the object store says as one line."""
    from deltalake.exceptions import DeltaError
    from obstore.exceptions import BaseError

    try:
        yield
    except (DeltaError, BaseError, OSError) as error:
        said = " ".join(COLOURS.sub("", str(error)).split())[:300]
        raise UsageError(
            f"--to {to}: {said}; the copy is as it was (keys and addresses come from AWS_*, GOOGLE_*, AZURE_*)"
        ) from error
