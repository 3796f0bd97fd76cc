"""Who gets which row, and what becomes of their words: every change is one transaction, on the disk before the answer.

A row is given to as many reviewers as it is meant for, and to one more while two disagree; who holds a row has a lease
on it. Words are kept also from those whose lease ran out: nothing that was said is lost, and it is told.
"""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from moderation.audit.design import Design, SampleFolder
from moderation.audit.verdict import Verdict, stored_time
from moderation.audit.verdicts import insert
from moderation.review.leases import Leases
from moderation.review.pages import Refused
from moderation.review.standing import WITHDRAWN, Said
from moderation.review.state import Key
from moderation.review.store import Store

WORDS = ("yes", "no", "unsure", WITHDRAWN)
NOTE_FIRST = "a note is stored with a verdict: say one first"


@dataclass(frozen=True)
class View:
    """What a reviewer is shown: a row (None: nothing is left) with their words on it, whether two others disagree on
    it, whether they looked at its scores, whether it was reached by walking over what they judged; what there is to
    say; whether what was asked for finished a row; how far the review is."""

    key: Key | None
    words: dict[str, str] = field(default_factory=dict)
    note: str = ""
    third: bool = False
    revealed: bool = False
    mine: bool = False
    message: str = ""
    done: bool = False
    progress: dict[str, Any] = field(default_factory=dict)


class Queue:
    """The review of one sample. Every method is one transaction; they may be called from any thread."""

    def __init__(self, folder: SampleFolder, design: Design, keys: list[Key], lease: float) -> None:
        self.store = Store(folder, design, keys)
        self.standing_keys, self.folder, self.lease = frozenset(keys), folder, lease

    def current(self, name: str, key: Key | None = None) -> View:
        """The row that a reviewer is at, or the one that they name; a reload gives the same one."""
        with self.store.using() as store:
            leases = Leases(store, self.lease)
            if key is None:
                return self.view(name, self.give(name, leases))
            return self.view(name, key, self.taken(name, self.known(key), leases))

    def say(self, name: str, key: Key, words: Mapping[str, str], note: str | None = None) -> View:
        """Stores a reviewer's words on a row; then the same row while labels are missing, else the next one.

        Words that repeat the last ones are not stored again: a retry changes nothing. Words that correct a row that
        was done show it again. Without a note, the note that is there stays. Raises `UsageError` for labels and words
        that are none, and stores nothing then.
        """
        with self.store.using() as store:
            leases, row = Leases(store, self.lease), self.store.standing.rows[self.known(key)]
            before, was_done = row.current(name), name in row.done
            if not words and not before:
                raise Refused(400, NOTE_FIRST)
            message = "" if key in leases.of(name) or was_done else self.late(name, key, leases)
            given = dict(words) or {label: said.word for label, said in before.items()}
            new = {label: word for label, word in given.items() if differs(before.get(label), word, note)}
            stored = self.put(store, name, key, new, note_of(before) if note is None else note)
            if name not in row.done or (was_done and stored):
                self.taken(name, key, leases)
                return self.view(name, key, message or ("corrected" if was_done else ""), mine=was_done)
            leases.end(name, key)
            return self.view(name, self.give(name, leases), message, done=True)

    def undo(self, name: str, token: str | None = None) -> View:
        """Takes a reviewer's last words back (a new entry) and shows their row. With the token of words that are no
        longer the last nothing is taken back: it was, and the answer got lost."""
        with self.store.using() as store:
            leases, standing = Leases(store, self.lease), self.store.standing
            found = standing.last(name)
            if found is None:
                return self.view(name, self.give(name, leases), "nothing to undo")
            time, key = found
            if token is not None and token != token_of(found):
                return self.view(name, self.give(name, leases), "taken back")
            self.put(store, name, key, dict.fromkeys(standing.stored_at(name, time, key), WITHDRAWN), "")
            return self.view(name, key, self.taken(name, key, leases) or "taken back", mine=True)

    def back(self, name: str, key: Key | None) -> View:
        """The row that a reviewer judged before this one."""
        with self.store.using() as store:
            walked = self.store.standing.walked(name)
            at = walked.index(key) if key in walked else len(walked)
            if at:
                return self.view(name, walked[at - 1], mine=True)
            here = self.known(key) if key else self.give(name, Leases(store, self.lease))
            return self.view(name, here, "this is the first", mine=key in walked)

    def next(self, name: str, key: Key | None) -> View:
        """The row that a reviewer judged after this one; after the last the one that they are at."""
        with self.store.using() as store:
            walked = self.store.standing.walked(name)
            after = walked[walked.index(key) + 1 :] if key in walked else []
            if after:
                return self.view(name, after[0], mine=True)
            return self.view(name, self.give(name, Leases(store, self.lease)))

    def reveal(self, name: str, key: Key) -> View:
        """Shows what the run said of a row, once it is noted that the reviewer looked."""
        with self.store.using() as store:
            if (self.known(key), name) not in self.store.revealed:
                columns = "INSERT INTO reveals (row_id, date, reviewer, time) VALUES (?, ?, ?, ?)"
                store.execute(columns, [*key, name, stored_time(datetime.now(UTC))])
                self.store.catch_up(store)
            leases = Leases(store, self.lease)
            if key in leases.of(name):
                leases.take(key, name)
            return self.view(name, key)

    def look(self, name: str, key: Key) -> View:
        """A row as it stands; nobody is given anything."""
        with self.store.using(writes=False):
            return self.view(name, self.known(key))

    def progress(self, name: str) -> dict[str, Any]:
        """How far the review is."""
        with self.store.using(writes=False):
            return self.told(name)

    def names(self) -> list[str]:
        """Who has judged so far; nobody where the store cannot be read."""
        try:
            with self.store.using(writes=False):
                return sorted(name for name, one in self.store.standing.reviewers.items() if one.rows)
        except Refused:
            return []

    def sign_out(self, name: str) -> None:
        """Gives the rows of a reviewer to others."""
        with self.store.using() as store:
            Leases(store, self.lease).end(name)

    def give(self, name: str, leases: Leases) -> Key | None:
        """The row that a reviewer holds, else the first one that waits for them and that is free; None at the end."""
        rows, holders = self.store.standing.rows, leases.holders
        mine = leases.of(name)
        for key in [key for key in mine if not rows[key].waits_for(name, holders[key])]:
            leases.end(name, key)  # others judged it meanwhile
            mine.remove(key)
        found = mine[0] if mine else next(self.store.standing.to_do(name, holders), None)
        if found:
            leases.take(found, name)
        return found

    def taken(self, name: str, key: Key, leases: Leases) -> str:
        """Gives a reviewer a certain row where it is free; else why they need not judge it."""
        row = self.store.standing.rows[key]
        if name in row.done:
            return ""
        if row.waits_for(name, leases.holders.get(key, ())):
            leases.take(key, name)
            return ""
        return self.late(name, key, leases)

    def late(self, name: str, key: Key, leases: Leases) -> str:
        """What became of a row that a reviewer does not hold."""
        row, holders = self.store.standing.rows[key], leases.holders.get(key, set())
        if row.waits_for(name, holders):
            return ""
        if row.waits_for(name):
            return "another reviewer has this text now; what you say of it is stored all the same"
        return "another reviewer judged this text meanwhile; what you say of it is stored all the same"

    def put(self, store: sqlite3.Connection, name: str, key: Key, words: Mapping[str, str], note: str) -> int:
        """Stores words of one moment."""
        newest, now = self.store.standing.reviewer(name).newest, datetime.now(UTC)
        if newest and datetime.fromisoformat(newest) >= now:  # a clock went back: the newest word must hold
            now = datetime.fromisoformat(newest) + timedelta(microseconds=1)
        row_id, date = key
        new = [Verdict(row_id, label, name, word, date, stored_time(now), note) for label, word in words.items()]
        stored = insert(store, self.folder, new)
        self.store.catch_up(store)
        return stored

    def known(self, key: Key) -> Key:
        """The row, if it is in the sample."""
        if key not in self.standing_keys:
            raise Refused(404, "no such row is in this sample", "/review shows what waits for you")
        return key

    def told(self, name: str) -> dict[str, Any]:
        """How far the review is, and the token of the words that `undo` would take back."""
        last = self.store.standing.last(name)
        return self.store.standing.progress(name) | {"undo": last and token_of(last)}

    def view(self, name: str, key: Key | None, message: str = "", done: bool = False, mine: bool = False) -> View:
        """A row as this reviewer is to see it."""
        if key is None:
            return View(None, message=message, done=done, progress=self.told(name))
        row = self.store.standing.rows[key]
        said = row.current(name)
        return View(
            key,
            {label: one.word for label, one in said.items()},
            note_of(said),
            row.disputed and name not in row.done,
            (key, name) in self.store.revealed,
            mine,
            message,
            done,
            self.told(name),
        )


def differs(before: Said | None, word: str, note: str | None) -> bool:
    """Whether a word is more than the repetition of the last one."""
    if before is None:
        return word != WITHDRAWN
    return before.word != word or note not in (None, before.note)


def note_of(said: Mapping[str, Said]) -> str:
    """The note of a reviewer on a row: that of their newest word."""
    return max(said.values(), key=lambda one: one.time).note if said else ""


def token_of(last: tuple[str, Key]) -> str:
    """What tells words of one moment from others, for a page that asks to take them back."""
    time, (row_id, date) = last
    return f"{time} {date} {row_id}"
