"""Verdicts of a sample: appended, read, and settled to one word per row and label."""

import sqlite3
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from moderation.audit.design import SampleFolder
from moderation.audit.verdict import (
    COLUMNS,
    Verdict,
    checked_note,
    checked_reviewer,
    checked_time,
    checked_word,
    short,
    stored_time,
)
from moderation.audit.verdict_store import for_reading, for_writing, whole
from moderation.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

INSERT = f"INSERT INTO verdicts ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))}) ON CONFLICT DO NOTHING"
ROW = ["row_id", "date"]
KEY = [*ROW, "label"]


def append(folder: SampleFolder, new: Iterable[Verdict]) -> int:
    """Stores verdicts, all or none, and returns how many were not there before.

    They are on the disk when it returns. The same entry a second time changes nothing, so that a retry is safe; without
    a time it is the same where it repeats the reviewer's last word.
    Raises `UsageError` that names the first verdict that cannot be stored: a row that was not sampled, a label that
    the run has not, a word, reviewer, time or note that breaks the rules of `Verdict`.
    """
    with for_writing(folder) as store:
        return add(store, folder, new)


def add(store: sqlite3.Connection, folder: SampleFolder, new: Iterable[Verdict]) -> int:
    """As `append`, into a store that is already open."""
    with whole(store):
        return insert(store, folder, new)


def insert(store: sqlite3.Connection, folder: SampleFolder, new: Iterable[Verdict]) -> int:
    """As `append`, within a transaction that is already begun."""
    before = store.total_changes
    labels = {label for (label,) in store.execute("SELECT label FROM labels")}
    for number, verdict in enumerate(new, 1):
        entry = complete(store, folder, labels, verdict, number)
        store.execute(INSERT, [getattr(entry, column) for column in COLUMNS])
    return store.total_changes - before


def complete(store: sqlite3.Connection, folder: SampleFolder, labels: set[str], given: Verdict, number: int) -> Verdict:
    """A verdict with its date and time, checked; `number` counts those that are stored together."""
    try:
        if given.label not in labels:
            raise UsageError(f"label '{short(given.label)}' is none of the run's: {', '.join(sorted(labels))}")
        date = date_of(store, folder, given.row_id, given.date)
        reviewer, word = checked_reviewer(given.reviewer), checked_word(given.verdict)
        entry = Verdict(given.row_id, given.label, reviewer, word, date, given.time, checked_note(given.note))
        return replace(entry, time=checked_time(given.time) if given.time else next_time(store, entry))
    except UsageError as error:
        raise UsageError(f"verdict {number} (row '{short(given.row_id)}'): {error}; nothing was stored") from error


def date_of(store: sqlite3.Connection, folder: SampleFolder, row_id: str, date: str) -> str:
    """The partition of a sampled row; raises `UsageError` where the row was not sampled."""
    try:
        dates = [found for (found,) in store.execute("SELECT date FROM sampled WHERE row_id = ?", [row_id])]
    except UnicodeEncodeError as error:
        raise UsageError("the id is no valid text") from error
    if date and date in dates:
        return date
    if not dates or date:
        dated = f" of {short(date)}" if date and dates else ""
        raise UsageError(f"no row{dated} with this id is in sample {folder.path.name}")
    if len(dates) > 1:
        raise UsageError(f"the sample has rows with this id on {' and '.join(sorted(dates))}; say the date")
    return dates[0]


def next_time(store: sqlite3.Connection, entry: Verdict) -> str:
    """Now, or just after the reviewer's last word on this where a clock went back: the newest entry must hold.

    Where that last word is the very same, its own time: it is the same entry.
    """
    question = "SELECT time, verdict, note FROM verdicts WHERE row_id = ? AND date = ? AND label = ? AND reviewer = ?"
    who = [entry.row_id, entry.date, entry.label, entry.reviewer]
    last = store.execute(f"{question} ORDER BY time DESC, entry DESC LIMIT 1", who).fetchone()
    if last and last[1:] == (entry.verdict, entry.note):
        return str(last[0])
    now = datetime.now(UTC)
    if last and datetime.fromisoformat(last[0]) >= now:
        now = datetime.fromisoformat(last[0]) + timedelta(microseconds=1)
    return stored_time(now)


def verdicts(folder: SampleFolder) -> list[Verdict]:
    """Every entry that was ever stored, in the order in which they were."""
    with for_reading(folder) as store:
        rows = store.execute(f"SELECT {', '.join(COLUMNS)} FROM verdicts ORDER BY entry").fetchall() if store else []
    return [Verdict(**dict(zip(COLUMNS, row, strict=True))) for row in rows]


def last_words(entries: Iterable[Verdict]) -> "pd.DataFrame":
    """The last word of each reviewer on each row and label (by time, then as stored); what was withdrawn is gone.

    A frame of the columns of `Verdict`.
    """
    import pandas as pd

    frame = pd.DataFrame([[getattr(entry, name) for name in COLUMNS] for entry in entries], columns=list(COLUMNS))
    last = frame.sort_values("time", kind="stable").drop_duplicates([*KEY, "reviewer"], keep="last")
    return last[last.verdict != "withdrawn"].sort_index().reset_index(drop=True)


def settled(folder: SampleFolder) -> "pd.DataFrame":
    """One word for each row and label: columns row_id, date, label, verdict (yes, no or unsure).

    The rule: the last word of each reviewer counts, one vote each. Whichever of yes and no has more votes holds; unsure
    is no vote, and holds only where nobody said yes or no. As many yes as no is a disagreement: the row is left out
    until another reviewer has judged it.
    """
    return settle(last_words(verdicts(folder)))


def settle(words: "pd.DataFrame") -> "pd.DataFrame":
    """The settled words among last words."""
    votes = tally(words)
    word = (votes.yes > votes.no).map({True: "yes", False: "no"})
    word = word.where(votes.yes + votes.no > 0, "unsure")
    found = votes.assign(verdict=word)[~disputed(votes)]
    return found[[*KEY, "verdict"]].reset_index(drop=True)


def disagreements(folder: SampleFolder) -> "pd.DataFrame":
    """Rows and labels on which reviewers disagree and that wait for one more: columns row_id, date, label, yes, no (the
    reviewers of each, by name), unsure."""
    words = last_words(verdicts(folder))
    open_ = tally(words)[lambda votes: disputed(votes)][KEY]
    said = words.merge(open_, on=KEY).sort_values("reviewer")
    named = said.groupby([*KEY, "verdict"]).reviewer.agg(", ".join).unstack("verdict", fill_value="")
    return named.reindex(columns=["yes", "no", "unsure"], fill_value="").reset_index()


def tally(words: "pd.DataFrame") -> "pd.DataFrame":
    """Votes on each row and label: columns row_id, date, label, yes, no, unsure."""
    import pandas as pd

    words_of = ["yes", "no", "unsure"]
    if words.empty:
        return pd.DataFrame(columns=[*KEY, *words_of])
    counts = words.groupby([*KEY, "verdict"]).size().unstack("verdict", fill_value=0)
    return counts.reindex(columns=words_of, fill_value=0).rename_axis(columns=None).reset_index()


def disputed(votes: "pd.DataFrame") -> "pd.Series[bool]":
    """Where as many said yes as no."""
    return (votes.yes == votes.no) & (votes.yes > 0)
