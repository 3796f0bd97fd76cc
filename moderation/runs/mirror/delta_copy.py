"""A copy as Delta tables, on an object store or on HDFS: new files first, then one commit a table."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from moderation.errors import UsageError
from moderation.runs import publish_delta
from moderation.runs.mirror.copied import Files, Mirrored, Put, Told, check_ours, description

if TYPE_CHECKING:
    from deltalake import DeltaTable


@dataclass(frozen=True)
class Change:
    """What a table of the copy lacks (path to file), and what it has that is published no more."""

    tree: str
    added: dict[str, Path]
    removed: dict[str, int]


class DeltaCopy:
    """The tables `to/labelled` and `to/quarantine`; `put` stores a file at a path below `to`."""

    def __init__(self, to: str, put: Put) -> None:
        self.to, self.put = to, put
        self.uploaded: set[str] = set()
        self.changes: list[Change] = []
        self.origin = ""

    def plan(self, origin: str, files: Files) -> None:
        """Compares by the paths and sizes that the tables' last versions name."""
        self.origin = origin
        self.changes = [self.change(tree, files[tree]) for tree in files]

    def change(self, tree: str, files: dict[str, Path]) -> Change:
        """What a table of the copy is to gain and to lose."""
        table = self.open(tree)
        there = sizes(table) if table else {}
        added = {path: file for path, file in files.items() if there.get(path) != file.stat().st_size}
        return Change(tree, added, {path: size for path, size in there.items() if path not in files})

    def open(self, tree: str) -> "DeltaTable | None":
        """A table of the copy; None where there is none. Raises `UsageError` for one that is not this output's copy."""
        from deltalake import DeltaTable

        uri = f"{self.to}/{tree}"
        if not DeltaTable.is_deltatable(uri):
            return None
        table = DeltaTable(uri)
        if (theirs := table.metadata().description or "") != description(self.origin):
            raise UsageError(f"{uri}: is a table already, and no copy of this output ({theirs or 'no description'})")
        check_ours(uri, sizes(table))
        return table

    def upload(self, told: Told) -> None:
        """Puts new files beside the table's, where no reader looks before the commit."""
        for change in self.changes:
            for path, file in sorted(change.added.items()):
                place = f"{change.tree}/{path}"
                if place not in self.uploaded:
                    size = file.stat().st_size
                    self.put(place, file)
                    self.uploaded.add(place)
                    told(place, size)

    def commit(self, run_id: str | None) -> list[Mirrored]:
        """Has each table hold the new files and no longer the old ones, in one step each."""
        return [self.commit_one(change, run_id) for change in self.changes]

    def commit_one(self, wanted: Change, run_id: str | None) -> Mirrored:
        """Commits what changes in one table, and nothing where nothing does."""
        from deltalake import CommitProperties
        from pyarrow import parquet

        uri, table = f"{self.to}/{wanted.tree}", self.open(wanted.tree)
        added = {path: (file.stat().st_size, file) for path, file in sorted(wanted.added.items())}
        if wanted.added or wanted.removed:
            schemas = [publish_delta.to_delta(parquet.read_schema(file)) for file in wanted.added.values()]
            plan = {
                "adds": [
                    entry(path, size) | {"rows": parquet.read_metadata(file).num_rows}
                    for path, (size, file) in added.items()
                ],
                "removes": [entry(path, size) for path, size in sorted(wanted.removed.items())],
                "schema": publish_delta.wider(table, schemas, uri),
            }
            told = CommitProperties(custom_metadata={"run_id": run_id or ""})
            publish_delta.commit(uri, table, plan, told, description=description(self.origin))
            table = self.open(wanted.tree)
        size = sum(size for size, _ in added.values())
        return Mirrored(wanted.tree, table.version() if table else None, len(added), len(wanted.removed), size)


def sizes(table: "DeltaTable") -> dict[str, int]:
    """The files of a table by path, with their bytes."""
    import pyarrow

    adds = pyarrow.table(table.get_add_actions())
    paths = [unquote(path) for path in adds["path"].to_pylist()]
    return dict(zip(paths, adds["size_bytes"].to_pylist(), strict=True))


def entry(path: str, size: int) -> dict[str, str | int]:
    """A file as a commit names it."""
    return {"path": path, "date": path.split("/")[0].removeprefix("date="), "size": size}
