"""Driving words on disk, beside the sample they are of: made once, there at the next start.

They can always be made again, so that a file that is damaged, or of another model or method, is replaced.
"""

import json
import sqlite3
import threading
from contextlib import suppress
from pathlib import Path

from moderation.audit.design import SampleFolder
from moderation.audit.words import Word

METHOD = "1"  # raise it when the same text would have other words than before
MOST = 100  # words of one text and label, the strongest
WEAKEST = 0.02  # of the strongest: what moved the score less is not kept
TRIES = 2  # a text that brought the process down as often is left alone
WAIT = 5.0
SCHEMA = (
    "CREATE TABLE IF NOT EXISTS about (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS words (row_id TEXT, date TEXT, label TEXT, tries INTEGER NOT NULL DEFAULT 0, "
    "words TEXT, PRIMARY KEY (row_id, date, label)) WITHOUT ROWID",
)
FIND = "SELECT words FROM words WHERE row_id = ? AND date = ? AND label = ?"
TRY = (
    "INSERT INTO words (row_id, date, label, tries) VALUES (?, ?, ?, 1) "
    "ON CONFLICT DO UPDATE SET tries = tries + 1 WHERE words IS NULL"
)
PUT = "INSERT INTO words (row_id, date, label, words) VALUES (?, ?, ?, ?) " + (
    "ON CONFLICT DO UPDATE SET words = excluded.words"
)

Marks = list[tuple[int, int, float]]  # code points [start, end) of the body, and by how much they moved the log-odds


def path_of(folder: SampleFolder) -> Path:
    """Where the words of a sample are."""
    return folder.path / "words.sqlite"


class WordStore:
    """The file as the process that makes words has it; raises `sqlite3.Error` where it cannot be written."""

    def __init__(self, folder: SampleFolder, model_id: str) -> None:
        path, about = path_of(folder), {"sample": folder.path.name, "model": model_id, "method": METHOD}
        try:
            self.store = opened(path)
            found = dict(self.store.execute("SELECT name, value FROM about").fetchall())
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):  # locked, read-only: the file may be good
                raise
            found = {"sample": ""}
        if found and found != about:
            removed(path)
            self.store = opened(path)
        self.store.executemany("INSERT OR IGNORE INTO about VALUES (?, ?)", about.items())
        self.store.execute("UPDATE words SET words = '[]' WHERE words IS NULL AND tries >= ?", [TRIES])

    def labels(self, row_id: str, date: str) -> set[str]:
        """The labels of a row that need no more work."""
        question = "SELECT label FROM words WHERE row_id = ? AND date = ? AND words IS NOT NULL"
        return {label for (label,) in self.store.execute(question, [row_id, date])}

    def try_(self, row_id: str, date: str, label: str) -> None:
        """Notes that work on a text begins, in case that nothing comes after it."""
        self.store.execute(TRY, [row_id, date, label])

    def put(self, row_id: str, date: str, label: str, words: list[Word]) -> None:
        """Keeps the words of a text."""
        self.store.execute(PUT, [row_id, date, label, json.dumps(strongest(words))])


class WordReader:
    """The file as the server has it: quick, from any thread, and silent where there is none or it is no good."""

    def __init__(self, folder: SampleFolder) -> None:
        self.path, self.lock = path_of(folder), threading.Lock()
        self.store: sqlite3.Connection | None = None
        self.file: tuple[int, int] | None = None

    def find(self, row_id: str, date: str, label: str) -> Marks | None:
        """The words of a row, None where there are none yet."""
        with self.lock, suppress(sqlite3.Error, OSError, ValueError, UnicodeError):
            found = self.connection().execute(FIND, [row_id, date, label]).fetchone()
            if found and found[0] is not None:
                return [(int(start), int(end), float(weight)) for start, end, weight in json.loads(found[0])]
        return None

    def connection(self) -> sqlite3.Connection:
        """To the file that is there now."""
        about = self.path.stat()
        if self.store is None or self.file != (about.st_dev, about.st_ino):
            self.close()
            address = f"{self.path.resolve().as_uri()}?mode=ro"
            self.store = sqlite3.connect(address, timeout=0, isolation_level=None, uri=True, check_same_thread=False)
            self.file = about.st_dev, about.st_ino
        return self.store

    def close(self) -> None:
        """Lets go of the file."""
        if self.store:
            self.store.close()
        self.store = None


def opened(path: Path) -> sqlite3.Connection:
    """The file with its tables."""
    store = sqlite3.connect(path, timeout=WAIT, isolation_level=None)
    store.execute("PRAGMA journal_mode = WAL")
    store.execute("PRAGMA synchronous = NORMAL")  # what a power cut takes is made again
    for statement in SCHEMA:
        store.execute(statement)
    return store


def removed(path: Path) -> None:
    """Removes the file with what SQLite keeps beside it."""
    for suffix in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            path.with_name(path.name + suffix).unlink()


def strongest(words: list[Word]) -> Marks:
    """The words that matter, in their order, with weights of four digits."""
    most = max((abs(word.weight) for word in words), default=0.0)
    kept = sorted((word for word in words if abs(word.weight) >= WEAKEST * most), key=lambda word: -abs(word.weight))
    return [(word.start, word.end, float(f"{word.weight:.4g}")) for word in sorted(kept[:MOST], key=lambda w: w.start)]
