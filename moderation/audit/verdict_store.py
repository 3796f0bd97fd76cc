"""The SQLite file of a sample's verdicts: opened with every check, written so that nothing stored is ever lost.

WAL lets readers and one writer work at once, `synchronous=FULL` has a verdict on the disk before `append` returns,
triggers keep the table append-only, and foreign keys keep rows and labels of other samples out whoever writes.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from moderation.audit.design import Design, SampleFolder
from moderation.errors import UsageError

APPLICATION_ID = 0x4D564443  # 'MVDC': tells our file from any other SQLite file
VERSION = 2  # 1: without leases and reveals
WAIT = 10.0  # seconds to wait for another writer
NO_CHANGE = "verdicts are append-only: a correction is a new entry"
SECOND_SHARE = 0.1  # of the rows that a second reviewer judges, where nobody said otherwise

SCHEMA = f"""
CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE labels (label TEXT PRIMARY KEY, place INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE sampled (
    row_id TEXT NOT NULL, date TEXT NOT NULL, place INTEGER NOT NULL, PRIMARY KEY (row_id, date)
) WITHOUT ROWID;
CREATE TABLE verdicts (
    entry INTEGER PRIMARY KEY AUTOINCREMENT,
    row_id TEXT NOT NULL,
    date TEXT NOT NULL,
    label TEXT NOT NULL REFERENCES labels,
    reviewer TEXT NOT NULL CHECK (reviewer <> ''),
    verdict TEXT NOT NULL CHECK (verdict IN ('yes', 'no', 'unsure', 'withdrawn')),
    time TEXT NOT NULL,
    note TEXT NOT NULL DEFAULT '',
    FOREIGN KEY (row_id, date) REFERENCES sampled (row_id, date),
    UNIQUE (row_id, date, label, reviewer, time, verdict, note)
);
CREATE TRIGGER no_replace BEFORE INSERT ON verdicts WHEN EXISTS (SELECT 1 FROM verdicts WHERE entry = NEW.entry)
    BEGIN SELECT RAISE(ABORT, '{NO_CHANGE}'); END;
""" + "".join(
    f"CREATE TRIGGER {table}_{verb.lower()} BEFORE {verb} ON {table} BEGIN SELECT RAISE(ABORT, '{NO_CHANGE}'); END;\n"
    for table in ("verdicts", "sampled", "labels")
    for verb in ("UPDATE", "DELETE")
)
REVIEWING = f"""
CREATE TABLE leases (
    row_id TEXT NOT NULL,
    date TEXT NOT NULL,
    reviewer TEXT NOT NULL CHECK (reviewer <> ''),
    until TEXT NOT NULL,
    PRIMARY KEY (row_id, date, reviewer),
    FOREIGN KEY (row_id, date) REFERENCES sampled (row_id, date)
) WITHOUT ROWID;
CREATE TABLE reveals (
    entry INTEGER PRIMARY KEY AUTOINCREMENT,
    row_id TEXT NOT NULL,
    date TEXT NOT NULL,
    reviewer TEXT NOT NULL CHECK (reviewer <> ''),
    time TEXT NOT NULL,
    FOREIGN KEY (row_id, date) REFERENCES sampled (row_id, date)
);
CREATE TRIGGER no_other_reveal BEFORE INSERT ON reveals WHEN EXISTS (SELECT 1 FROM reveals WHERE entry = NEW.entry)
    BEGIN SELECT RAISE(ABORT, '{NO_CHANGE}'); END;
""" + "".join(
    f"CREATE TRIGGER reveals_{verb.lower()} BEFORE {verb} ON reveals BEGIN SELECT RAISE(ABORT, '{NO_CHANGE}'); END;\n"
    for verb in ("UPDATE", "DELETE")
)


@contextmanager
def for_writing(folder: SampleFolder) -> Iterator[sqlite3.Connection]:
    """The store of a sample, made where there is none; raises `UsageError` for whatever keeps it from being written."""
    with clear_errors(folder.verdicts):
        found = writer(folder)
        try:
            yield found
        finally:
            found.close()


def writer(folder: SampleFolder, one_thread: bool = True) -> sqlite3.Connection:
    """A checked connection that writes. Without `one_thread` the caller keeps threads from using it at once."""
    path = folder.verdicts
    found = sqlite3.connect(path, timeout=WAIT, isolation_level=None, check_same_thread=one_thread)
    try:
        checked(found, path)
        found.execute("PRAGMA synchronous = FULL")
        found.execute("PRAGMA foreign_keys = ON")
        found.execute("PRAGMA recursive_triggers = ON")  # REPLACE then meets the trigger that forbids to delete
        if not version_of(found):
            make(found, folder)
        check_sample(found, folder.read_design(), path)
        if version_of(found) < VERSION:
            migrate(found)
    except BaseException:
        found.close()
        raise
    return found


@contextmanager
def for_reading(folder: SampleFolder) -> Iterator[sqlite3.Connection | None]:
    """The store of a sample, None where there is none yet; nothing is written, also in a folder that is read-only."""
    path = folder.verdicts
    if not path.exists():
        yield None
        return
    with clear_errors(path):
        found = reader(path)
        try:
            yield found if version_of(found) else None
        finally:
            found.close()


def reader(path: Path) -> sqlite3.Connection:
    """A connection that cannot write. WAL needs a file beside the store; where none can be made, and no verdict waits
    in one, the store is read as it is."""
    try:
        return opened(path, "ro")
    except sqlite3.OperationalError:
        waiting = path.with_name(f"{path.name}-wal")
        if waiting.exists() and waiting.stat().st_size:
            raise
        return opened(path, "ro&immutable=1")


def opened(path: Path, mode: str) -> sqlite3.Connection:
    """A checked connection by URI."""
    found = sqlite3.connect(f"{path.resolve().as_uri()}?mode={mode}", timeout=WAIT, isolation_level=None, uri=True)
    try:
        checked(found, path)
    except Exception:
        found.close()
        raise
    return found


def checked(found: sqlite3.Connection, path: Path) -> None:
    """Raises `UsageError` for another program's file, one of a newer version, and one that is not whole."""
    with one_state(found):  # between two questions another process may make the store
        (kind,) = found.execute("PRAGMA application_id").fetchone()
        version = version_of(found)
        (tables,) = found.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if tables and kind != APPLICATION_ID:
        raise UsageError(f"{path}: is no file of verdicts but another program's; move it away")
    if version > VERSION:
        raise UsageError(f"{path}: was written by a newer version of this tool (format {version}, known is {VERSION})")
    (state,) = found.execute("PRAGMA quick_check(1)").fetchone()
    if state != "ok":
        raise damaged(path, state)


def version_of(found: sqlite3.Connection) -> int:
    """The version of the store's format, 0 where there is nothing in it yet."""
    return int(found.execute("PRAGMA user_version").fetchone()[0])


def make(found: sqlite3.Connection, folder: SampleFolder) -> None:
    """Makes the tables and fills in the sample's rows and labels, whole or not at all; another process may be first."""
    design, rows = folder.read_design(), sampled_rows(folder)
    about = {"sample_id": design.sample_id, "run_id": design.run_id, "seed": str(design.seed)}
    use_wal(found)
    with whole(found):
        if not version_of(found):
            for statement in split(SCHEMA + REVIEWING):
                found.execute(statement)
            about |= {"second_share": str(SECOND_SHARE)}
            found.executemany("INSERT INTO about VALUES (?, ?)", about.items())
            found.executemany(
                "INSERT INTO labels VALUES (?, ?)", [(name, i) for i, name in enumerate(design.thresholds)]
            )
            found.executemany("INSERT INTO sampled VALUES (?, ?, ?)", rows)
            found.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            found.execute(f"PRAGMA user_version = {VERSION}")


def migrate(found: sqlite3.Connection) -> None:
    """Adds what version 2 has to a store of version 1, whole or not at all; another process may be first."""
    with whole(found):
        if version_of(found) < VERSION:
            for statement in split(REVIEWING):
                found.execute(statement)
            found.execute(f"PRAGMA user_version = {VERSION}")


@contextmanager
def one_state(found: sqlite3.Connection) -> Iterator[None]:
    """All that is read within is of one moment, whatever others write meanwhile."""
    found.execute("BEGIN")
    try:
        yield
    finally:
        if found.in_transaction:
            found.execute("ROLLBACK")


@contextmanager
def whole(found: sqlite3.Connection) -> Iterator[None]:
    """One transaction that nobody else writes beside: all of it or nothing."""
    found.execute("BEGIN IMMEDIATE")
    try:
        yield
        found.execute("COMMIT")
    except BaseException:
        if found.in_transaction:  # a full disk ends it by itself
            found.execute("ROLLBACK")
        raise


def use_wal(found: sqlite3.Connection) -> None:
    """Write-ahead logging from now on. SQLite does not wait for others here, so that this does."""
    for attempt in range(1, 101):
        try:
            found.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if attempt == 100 or (error.sqlite_errorcode & 0xFF) not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise
            time.sleep(WAIT / 100)


def split(script: str) -> Iterator[str]:
    """The statements of a script, one by one: `executescript` would commit in between."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def sampled_rows(folder: SampleFolder) -> list[tuple[str, str, int]]:
    """Id, date and place of every sampled row."""
    import pyarrow.parquet as pq
    from pyarrow.lib import ArrowException

    try:
        with pq.ParquetFile(folder.sample) as file:  # quicker than `read_table`, which imports all of `dataset`
            table = file.read(["id", "date", "place"])
    except (OSError, ArrowException) as error:
        raise UsageError(f"{folder.sample}: cannot be read ({error}); draw it anew with 'audit sample'") from error
    return [(str(row["id"]), str(row["date"]), int(row["place"])) for row in table.to_pylist()]


def check_sample(found: sqlite3.Connection, design: Design, path: Path) -> None:
    """Refuses a store that was copied here from another sample."""
    about = dict(found.execute("SELECT name, value FROM about").fetchall())
    for name, mine in (("sample_id", design.sample_id), ("run_id", design.run_id)):
        if about.get(name) != mine:
            raise UsageError(f"{path}: holds verdicts of {name.removesuffix('_id')} {about.get(name)}, not of {mine}")


@contextmanager
def clear_errors(path: Path) -> Iterator[None]:
    """What SQLite says as one line that names the file and what to do."""
    try:
        yield
    except sqlite3.IntegrityError:
        raise  # the caller says which verdict it was
    except sqlite3.DatabaseError as error:
        code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise damaged(path, str(error)) from error
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise UsageError(
                f"{path}: another process held it for {WAIT:.0f} s; nothing was stored, try again"
            ) from error
        if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
            raise UsageError(
                f"{path}: this user may not write there; nothing was stored, and what was stored before is as it was"
            ) from error
        raise UsageError(f"{path}: {error}; nothing was stored") from error


def damaged(path: Path, said: str) -> UsageError:
    """The error for a store that is not whole."""
    return UsageError(
        f"{path}: is damaged ({' '.join(said.split())}); nothing was written; keep a copy of it and of what is beside "
        f"it, and save what it holds with: sqlite3 {path.name} .recover"
    )
