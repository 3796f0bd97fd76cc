"""Who holds which row: leases in the store itself, so that servers beside each other know of them too."""

import sqlite3
from datetime import UTC, datetime, timedelta

from moderation.audit.verdict import stored_time
from moderation.review.state import Key


class Leases:
    """The leases of a store, read and changed within a transaction that nobody else writes beside."""

    def __init__(self, store: sqlite3.Connection, seconds: float) -> None:
        self.store, self.seconds = store, seconds
        self.now = datetime.now(UTC)
        store.execute("DELETE FROM leases WHERE until <= ?", [stored_time(self.now)])
        found = store.execute("SELECT row_id, date, reviewer FROM leases ORDER BY until DESC").fetchall()
        self.held = [((row_id, date), name) for row_id, date, name in found]

    @property
    def holders(self) -> dict[Key, set[str]]:
        """Who holds each row that is held."""
        found: dict[Key, set[str]] = {}
        for key, name in self.held:
            found.setdefault(key, set()).add(name)
        return found

    def of(self, name: str) -> list[Key]:
        """The rows that a reviewer holds, the one that they last asked for first."""
        return [key for key, holder in self.held if holder == name]

    def take(self, key: Key, name: str) -> None:
        """Gives a reviewer a row, or keeps it longer for them."""
        until = stored_time(self.now + timedelta(seconds=self.seconds))
        self.store.execute("INSERT OR REPLACE INTO leases VALUES (?, ?, ?, ?)", [*key, name, until])
        self.held = [(key, name), *(one for one in self.held if one != (key, name))]

    def end(self, name: str, key: Key | None = None) -> None:
        """Takes a row back from a reviewer, or all rows."""
        chosen = "reviewer = ?" if key is None else "reviewer = ? AND row_id = ? AND date = ?"
        self.store.execute(f"DELETE FROM leases WHERE {chosen}", [name, *(key or ())])
        self.held = [one for one in self.held if one[1] != name or (key is not None and one[0] != key)]
