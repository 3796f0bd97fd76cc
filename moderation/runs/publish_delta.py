"""Publishing as Delta tables: one commit over all dates of a table, through the `deltalake` package.

Files are put beside those of the table first, where no reader of the table sees them; the commit then adds them and
removes those that they replace, all or nothing. Removed files stay on the disk for readers that are at work and for
`moderation runs rollback`, until `moderation runs clean`.
"""

import json
import time
from collections.abc import Iterator
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from moderation.errors import UsageError
from moderation.runs.publish_parquet import TREES, link_all
from moderation.runs.publish_schema import PARTITION, check_names, to_delta, widen

if TYPE_CHECKING:
    from deltalake import DeltaTable
    from deltalake.transaction import AddAction, CommitProperties, RemoveAction

# Readers of old versions and rollbacks need the log and the files: `moderation runs clean` alone removes them.
KEEP = "interval 3650 days"
SETTINGS = {"delta.logRetentionDuration": KEEP, "delta.deletedFileRetentionDuration": KEEP}


def is_table(folder: Path) -> bool:
    """Whether a folder is a Delta table."""
    return any((folder / "_delta_log").glob("*.json"))


def open_table(folder: Path, version: int | None = None) -> "DeltaTable":
    """A table as it is, or was; raises `UsageError` where the package that reads it is not installed."""
    try:
        from deltalake import DeltaTable
    except ImportError as error:
        raise UsageError(f"{folder}: Delta needs one package more: pip install 'moderation-batch[delta]'") from error
    return DeltaTable(folder, version=version)


def published(output: Path, tree: str) -> Iterator[Path]:
    """The current files of a table."""
    if is_table(output / tree):
        yield from sorted(files_of(output / tree))


def files_of(folder: Path, version: int | None = None) -> Iterator[Path]:
    """The files of a table, now or at a version."""
    for uri in open_table(folder, version).file_uris():
        yield folder / Path(*Path(unquote(uri)).parts[-2:])  # it quotes the folder's name, and not always


def check_path(folder: Path) -> None:
    """Refuses a path that `deltalake` writes to and then reads from another (version 1.6.6)."""
    if odd := {letter for letter in str(folder) if letter in "%\\" or not letter.isprintable()}:
        raise UsageError(
            f"output {str(folder)!r}: no Delta table can be where a path has {sorted(odd)[0]!r}: rename it"
        )


def prepare(
    output: Path, operation: str, moves: list[tuple[Path, str]], old: list[Path], rows: dict[str, int]
) -> dict[str, dict[str, Any]]:
    """Puts new files (from, to) beside the tables' and returns the commits for the journal; readers see nothing."""
    plans = {}
    for tree in TREES:
        added = {target: source for source, target in moves if target.startswith(f"{tree}/")}
        removed = [file for file in old if file.is_relative_to(output / tree)]
        if added or removed:
            check_files(published(output, tree))
            schema = next_schema(output / tree, list(added.values()))
            for day in {Path(target).parent for target in added}:
                link_all({Path(x).name: added[x] for x in added if Path(x).parent == day}, output / day)
            plans[tree] = {
                "adds": [describe(output, output / target, tree, rows[target]) for target in sorted(added)],
                "removes": [describe(output, file, tree) for file in removed],
                "schema": schema,
            }
    return plans


def describe(output: Path, file: Path, tree: str, rows: int | None = None) -> dict[str, Any]:
    """What a commit says of a file."""
    path = file.relative_to(output / tree)
    return {
        "path": str(path),
        "date": path.parent.name.removeprefix("date="),
        "size": file.stat().st_size,
        "rows": rows,
    }


def check_files(files: Iterator[Path]) -> None:
    """Refuses a table that another tool has compacted: which rows are whose can no longer be told."""
    for file in files:
        if file.name.startswith("part-"):
            raise UsageError(
                f"{file}: not written by this program (compacted?), so it cannot be told which rows a run replaces; "
                "publish to another --output"
            )


def next_schema(folder: Path, files: list[Path]) -> dict[str, Any]:
    """The table's columns with those that the files bring; raises `UsageError` where their types clash."""
    from pyarrow import parquet

    return add_columns(folder, [to_delta(parquet.read_schema(file)) for file in files])


def add_columns(folder: Path, schemas: list[dict[str, Any]]) -> dict[str, Any]:
    """The table's columns with those of more schemas."""
    return wider(open_table(folder) if is_table(folder) else None, schemas, str(folder))


def wider(table: "DeltaTable | None", schemas: list[dict[str, Any]], where: str) -> dict[str, Any]:
    """As `add_columns`, of a table that is open; None where there is none yet."""
    found = [json.loads(table.schema().to_json())] if table else []
    schema = reduce(lambda one, other: widen(one, other, f"{where}: "), [*found, *schemas])
    check_names(schema, where)
    return schema


def carry_out(output: Path, operation: str, plans: dict[str, dict[str, Any]]) -> dict[str, int]:
    """Commits what has not been committed; returns the version of every table afterwards."""
    for tree, plan in plans.items():
        folder = output / tree
        table = open_table(folder) if is_table(folder) else None
        if table and table.transaction_version(operation) is not None:
            continue
        if "restore" in plan:
            restore(folder, operation, plan["restore"])
        else:
            commit(str(folder), table, plan, by(operation), SETTINGS)
    return {tree: open_table(output / tree).version() for tree in TREES if is_table(output / tree)}


def commit(
    uri: str,
    table: "DeltaTable | None",
    plan: dict[str, Any],
    told: "CommitProperties",
    settings: dict[str, str] | None = None,
    description: str | None = None,
) -> None:
    """Adds and removes files in one commit, which makes the table where there is none.

    New columns are a commit before it, which changes no row: the package's write transaction takes none.
    """
    from deltalake import Schema
    from deltalake.transaction import create_table_with_add_actions

    schema, adds = Schema.from_json(json.dumps(plan["schema"])), [add_action(entry) for entry in plan["adds"]]
    if table is None:
        create_table_with_add_actions(
            uri,
            schema,
            adds,
            partition_by=[PARTITION],
            description=description,
            configuration=settings,
            commit_properties=told,
        )
        return
    if fields := [field for field in schema.fields if field not in table.schema().fields]:
        table.alter.add_columns(fields)
    actions: list[AddAction | RemoveAction] = [*adds, *(remove_action(entry) for entry in plan["removes"])]
    table.create_write_transaction(actions, "append", table.schema(), partition_by=[PARTITION], commit_properties=told)


def restore(folder: Path, operation: str, version: int | None) -> None:
    """Brings a table back to a version, as a new commit; without a version it loses all its files."""
    table = open_table(folder)
    if version is None:
        table.create_write_transaction([], "overwrite", table.schema(), [PARTITION], commit_properties=by(operation))
    elif version != table.version():
        table.restore(version, commit_properties=by(operation))


def by(operation: str) -> "CommitProperties":
    """Marks a commit with its run, so that nobody commits it twice."""
    from deltalake import CommitProperties, Transaction

    return CommitProperties(custom_metadata={"run_id": operation}, app_transactions=[Transaction(operation, 1)])


def add_action(entry: dict[str, Any]) -> "AddAction":
    """A file to add."""
    from deltalake.transaction import AddAction

    stats = json.dumps({"numRecords": entry["rows"]})
    return AddAction(entry["path"], entry["size"], {PARTITION: entry["date"]}, now(), True, stats)


def remove_action(entry: dict[str, Any]) -> "RemoveAction":
    """A file to remove."""
    from deltalake.transaction import RemoveAction

    return RemoveAction(entry["path"], True, now(), entry["size"], {PARTITION: entry["date"]})


def now() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def discard(output: Path, operation: str) -> None:
    """Removes the files of a run that were never committed."""
    for tree in TREES:
        current = {file.name for file in published(output, tree)}
        for file in (output / tree).glob(f"date=*/*-{operation}-*.parquet"):
            if file.name not in current:
                file.unlink()
