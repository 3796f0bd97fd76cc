"""The index that browsing reads, `OUT/audits/.index/<run>.duckdb`: small columns of every published row, no text.

Made once for a run, whole or not at all; a run's files never change, so that it never grows old. It may be removed at
any time. Rows are numbered by date, file and place, which pages go by.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from moderation.audit.published import find_run, labelled_files, thresholds_of
from moderation.errors import UsageError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

FORMAT = 1  # raise it where the tables change
BATCH = 131_072
SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "threads": 2,
    "memory_limit": "1GB",
    "autoinstall_known_extensions": False,
}


def index_path(output: Path, run_id: str) -> Path:
    """Where the index of a run is."""
    return output / "audits" / ".index" / f"{run_id}.{FORMAT}.duckdb"


def make_index(output: Path, run: str, say: Callable[[str], None] = lambda line: None) -> dict[str, Any]:
    """Makes the index of a run unless it is there; returns its path, rows and bytes.

    `say` is told how far it is. Raises `UsageError` where files of the run are gone, or nothing can be written.
    """
    manifest = find_run(output, run)
    target = index_path(output, manifest["run_id"])
    try:
        with alone(target.parent):
            if not fresh(target, manifest):
                build(output, manifest, target, say)
        return {"path": str(target), "rows": total(manifest), "bytes": target.stat().st_size}
    except OSError as error:
        raise UsageError(f"{target}: cannot be written ({error.strerror}); browsing needs it") from error


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Holds the lock of the folder of indexes: who comes second finds the index made."""
    import fcntl

    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def ordered_files(output: Path, manifest: dict[str, Any]) -> list[tuple[str, Path]]:
    """Date and place of a run's labelled files, in the order in which rows are numbered."""
    return sorted((unquote(path.parent.name.removeprefix("date=")), path) for path in labelled_files(output, manifest))


def total(manifest: dict[str, Any]) -> int:
    """The rows that a run published."""
    return sum(entry["rows"] for entry in manifest["published"] if entry["path"].startswith("labelled/"))


def frame_of(manifest: dict[str, Any]) -> str:
    """A digest of what the run published: the index is of these files and no others."""
    said = sorted((entry["path"], entry["size"], entry.get("sha256")) for entry in manifest["published"])
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def fresh(path: Path, manifest: dict[str, Any]) -> bool:
    """Whether the index of a run is there and whole."""
    import duckdb

    if not path.is_file():
        return False
    try:
        with connected(path) as found:
            (frame,) = found.execute("SELECT value FROM about WHERE name = 'frame'").fetchone() or ("",)
    except duckdb.Error:
        return False
    return bool(frame == frame_of(manifest))


def connected(path: Path) -> "DuckDBPyConnection":
    """The index, opened for reading: any number of processes may. It can reach nothing but its own file."""
    import duckdb

    alone: dict[str, Any] = {"enable_external_access": False, "lock_configuration": True}
    return duckdb.connect(str(path), read_only=True, config=SETTINGS | alone)


def build(output: Path, manifest: dict[str, Any], target: Path, say: Callable[[str], None]) -> None:
    """Writes the index beside its place and moves it there when it is whole."""
    import duckdb

    scratch = target.with_name(f".{target.name}.part")
    for left in (scratch, scratch.with_name(scratch.name + ".wal")):
        left.unlink(missing_ok=True)
    try:
        with duckdb.connect(str(scratch), config=SETTINGS) as store:
            fill(store, ordered_files(output, manifest), manifest, say)
        scratch.replace(target)
    except duckdb.Error as error:
        said = " ".join(str(error).split())[:120]
        raise UsageError(f"{target}: the index could not be made ({said})") from error
    finally:
        scratch.unlink(missing_ok=True)


def fill(
    store: "DuckDBPyConnection", files: list[tuple[str, Path]], manifest: dict[str, Any], say: Callable[[str], None]
) -> None:
    """Puts all rows of some files into the tables of an index."""
    from moderation.review.browse_columns import column_types, index_columns

    names, dates = names_of(manifest), sorted({date for date, _ in files})
    columns = column_types(names)
    store.execute(f"CREATE TABLE rows ({', '.join(f'{name} {type_}' for name, type_ in columns.items())})")
    taken = ", ".join("md5_number_lower(id)" if name == "key" else name for name in columns)
    done, every, first = 0, total(manifest), []
    for date, path in files:
        first.append(done)
        for batch in batches(path):
            store.register("batch", index_columns(batch, done, dates.index(date), names))
            store.execute(f"INSERT INTO rows SELECT {taken} FROM batch")
            done += batch.num_rows
            say(f"{done:,} of {every:,} rows are indexed")
    said = [*names.all(), *(("date", number, date) for number, date in enumerate(dates))]
    about = [("frame", frame_of(manifest)), ("run_id", manifest["run_id"])]
    store.begin()
    put(store, "files", ("number", "first"), list(enumerate(first)))
    put(store, "names", ("kind", "number", "name"), said)
    put(store, "about", ("name", "value"), about)
    store.commit()


def put(store: "DuckDBPyConnection", name: str, columns: tuple[str, ...], lines: list[tuple[Any, ...]]) -> None:
    """Makes a small table, at once: line by line each would wait for the disk."""
    import pyarrow as pa

    store.register("lines", pa.table(dict(zip(columns, zip(*lines, strict=True), strict=True))))
    store.execute(f"CREATE TABLE {name} AS SELECT * FROM lines")


def names_of(manifest: dict[str, Any]) -> Any:
    """The labels, rules and entity types of a run."""
    from moderation.review.browse_columns import Names

    labels = list(thresholds_of(manifest))
    rules = [rule["name"] for rule in manifest["policy"].get("rules") or []]
    types = [kind for model in manifest["model"]["models"] for kind in model["entity_types"]]
    return Names({"label": labels, "score": labels, "rule": rules, "entity": list(dict.fromkeys(types))})


def batches(path: Path) -> Iterator[Any]:
    """The columns of a published file that the index needs, in the order of its rows."""
    import pyarrow.parquet as pq
    from pyarrow.lib import ArrowException

    from moderation.review.browse_columns import READ

    try:
        with pq.ParquetFile(path) as file:
            there = [name for name in READ if name in file.schema_arrow.names]
            yield from file.iter_batches(BATCH, columns=there)
    except (OSError, ArrowException) as error:
        said = " ".join(str(error).split())[:120]
        raise UsageError(f"{path}: cannot be read ({said}): 'moderation audit verify' says what was changed") from error
