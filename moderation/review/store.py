"""The store of verdicts as the server keeps it open: one connection under one lock, and what it holds in memory.

SQLite has one writer at a time anyway. What came to the store by other processes is read at every use, by the number of
the entry. After any failure both are thrown away and read anew, so that memory never says what the disk does not.
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from moderation.audit.design import Design, SampleFolder
from moderation.audit.verdict import COLUMNS, Verdict
from moderation.audit.verdict_store import clear_errors, whole, writer
from moderation.errors import UsageError
from moderation.review.pages import Refused
from moderation.review.standing import Standing
from moderation.review.state import Key

WAIT = 5.0  # seconds that a request waits for others before it says so
SAFE = "what was stored before is safe; try again"
NEWER = f"SELECT entry, {', '.join(COLUMNS)} FROM verdicts WHERE entry > ? ORDER BY entry"


class Store:
    """The verdicts of a sample; `standing` is up to date within `using`."""

    def __init__(self, folder: SampleFolder, design: Design, keys: list[Key]) -> None:
        self.folder, self.design, self.keys = folder, design, keys
        self.lock = threading.Lock()
        self.connection: sqlite3.Connection | None = None
        self.file: tuple[int, int] | None = None
        self.forget()

    def forget(self) -> None:
        """Throws away what is in memory."""
        self.standing = Standing(self.keys, self.design.labels, self.design.seed, 0.0)
        self.revealed: set[tuple[Key, str]] = set()
        self.entry = self.reveal = 0

    def close(self) -> None:
        """Closes the connection; the next use opens one again."""
        if self.connection:
            self.connection.close()
        self.connection = None
        self.forget()

    @contextmanager
    def using(self, writes: bool = True) -> Iterator[sqlite3.Connection]:
        """The store for one request, in one transaction where it writes: on the disk when this ends, or not at all.

        Raises `Refused` (503) where the store is locked, damaged, read-only, full or gone: nothing was stored then.
        """
        if not self.lock.acquire(timeout=WAIT):
            raise Refused(503, f"{self.folder.verdicts}: is busy; nothing was stored", SAFE)
        try:
            found = self.opened()
            with clear_errors(self.folder.verdicts):
                if writes:
                    with whole(found):
                        self.catch_up(found)
                        yield found
                else:
                    self.catch_up(found)
                    yield found
        except BaseException as error:
            if not isinstance(error, UsageError) or isinstance(error.__cause__, sqlite3.Error):
                self.close()
            if isinstance(error.__cause__, sqlite3.Error):
                raise Refused(503, str(error), SAFE) from error
            raise
        finally:
            self.lock.release()

    def opened(self) -> sqlite3.Connection:
        """The connection, a new one where there is none or another file was put in the place of the store."""
        if self.file and (now := self.there()) != self.file:
            self.close()
            if now is None:
                raise Refused(503, f"{self.folder.verdicts}: was moved away; nothing was stored", "put it back")
        if self.connection is None:
            try:
                with clear_errors(self.folder.verdicts):
                    self.connection = writer(self.folder, one_thread=False)
                    self.connection.execute(f"PRAGMA busy_timeout = {int(1000 * WAIT)}")
            except UsageError as error:
                raise Refused(503, str(error), SAFE) from error
            self.file = self.there()
        return self.connection

    def there(self) -> tuple[int, int] | None:
        """Which file is in the store's place: writing to one that was moved away would lose what is written."""
        try:
            found = self.folder.verdicts.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def catch_up(self, store: sqlite3.Connection) -> None:
        """Takes in what was stored since the last time, by whomever."""
        (share,) = store.execute("SELECT value FROM about WHERE name = 'second_share'").fetchone()
        self.standing.set_share(float(share))
        for entry, *values in store.execute(NEWER, [self.entry]).fetchall():
            self.standing.take(Verdict(*values))
            self.entry = entry
        newer = "SELECT entry, row_id, date, reviewer FROM reveals WHERE entry > ? ORDER BY entry"
        for entry, row_id, date, reviewer in store.execute(newer, [self.reveal]).fetchall():
            self.revealed.add(((row_id, date), reviewer))
            self.reveal = entry
