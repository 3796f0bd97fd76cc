"""What reviewers have said of a sample so far, in memory, entry by entry: who is done with which row, who is still
waited for. The rules are those of `audit.second.to_do` and `audit.verdicts.settled`, without going over everything."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any

from moderation.audit.second import meant_for_two
from moderation.audit.verdict import Verdict
from moderation.review.state import Key

WITHDRAWN = "withdrawn"
BREAK = 120.0  # seconds between two rows from which it was a break
PACE = 20  # rows that the pace is told from


@dataclass(frozen=True)
class Said:
    """A reviewer's last word on a label."""

    time: str
    word: str
    note: str


@dataclass
class Row:
    """What was said of a row. `wanted` reviewers judge it; `done` are those who said a word on every label."""

    place: int
    wanted: int
    words: dict[str, dict[str, Said]] = field(default_factory=dict)  # by reviewer, then by label
    done: set[str] = field(default_factory=set)
    disputed: bool = False

    def current(self, reviewer: str) -> dict[str, Said]:
        """The words of a reviewer that were not withdrawn, by label."""
        return {label: said for label, said in self.words.get(reviewer, {}).items() if said.word != WITHDRAWN}

    def waits_for(self, reviewer: str, holders: Collection[str] = ()) -> bool:
        """Whether a reviewer is to judge it, where `holders` are others who were given it.

        Those count as if they had judged it already: a row is held by no more people than it is meant for, and by one
        at a time where two disagree.
        """
        if reviewer in self.done:
            return False
        others = [name for name in holders if name != reviewer and name not in self.done]
        return len(self.done) + len(others) < self.wanted or (self.disputed and not others)

    @property
    def open(self) -> bool:
        """Whether it waits for anybody who has not judged it yet."""
        return len(self.done) < self.wanted or self.disputed

    @property
    def judged(self) -> bool:
        """Whether somebody judged it and nobody disagrees."""
        return bool(self.done) and not self.disputed


@dataclass
class Reviewer:
    """What one reviewer did: rows in the order in which they came to them, times of words with their rows as they were
    stored, when rows were finished (seconds since 1970), the newest time, how many rows they judged, and how many of
    these still wait for somebody else."""

    seen: dict[Key, None] = field(default_factory=dict)
    trail: list[tuple[str, Key]] = field(default_factory=list)
    finished: list[float] = field(default_factory=list)
    newest: str = ""
    rows: int = 0
    open: int = 0


class Standing:
    """The rows of a sample in the order of the review, and what was said of each."""

    def __init__(self, keys: Sequence[Key], labels: Sequence[str], seed: int, share: float) -> None:
        self.labels, self.seed = frozenset(labels), seed
        self.keys, self.rows = list(keys), {key: Row(place, 1) for place, key in enumerate(keys)}
        self.reviewers: dict[str, Reviewer] = {}
        self.share = -1.0
        self.set_share(share)

    def set_share(self, share: float) -> None:
        """Which share of the rows two reviewers judge."""
        if share != self.share:
            self.share = share
            for (row_id, date), row in self.rows.items():
                row.wanted = 1 + meant_for_two(row_id, date, self.seed, share)
            self.count_anew()

    def count_anew(self) -> None:
        """Counts all rows; from then on every change of a row is counted as it comes."""
        self.counts, self.open = Counter[str](), list[int]()
        for one in self.reviewers.values():
            one.open = 0
        for row in self.rows.values():
            self.count(row, 1)

    def count(self, row: Row, by: int) -> None:
        """Counts a row in (1) or out (-1): out before it changes, in afterwards. `open` stays sorted."""
        self.counts["judged"] += by * row.judged
        self.counts["disputed"] += by * row.disputed
        self.counts["for two"] += by * (row.wanted > 1)
        self.counts["by two"] += by * (row.wanted > 1 and len(row.done) > 1)
        if row.open:
            for name in row.done:
                self.reviewers[name].open += by
            place = bisect_left(self.open, row.place)
            self.open[place : place + (by < 0)] = [row.place] * (by > 0)

    def reviewer(self, name: str) -> Reviewer:
        """What a reviewer did."""
        return self.reviewers.setdefault(name, Reviewer())

    def take(self, entry: Verdict) -> None:
        """Takes the next entry of the store in. One that is older than the reviewer's word on it changes nothing."""
        key = entry.row_id, entry.date
        if key not in self.rows:
            return  # the sample's file lacks a row that the store has: it was changed by hand
        row, who = self.rows[key], self.reviewer(entry.reviewer)
        words = row.words.setdefault(entry.reviewer, {})
        who.newest = max(who.newest, entry.time)
        who.seen.setdefault(key)
        if entry.verdict != WITHDRAWN and (not who.trail or who.trail[-1] != (entry.time, key)):
            who.trail.append((entry.time, key))
        if (before := words.get(entry.label)) is None or entry.time >= before.time:
            words[entry.label] = Said(entry.time, entry.verdict, entry.note)
            self.settle(row, entry)

    def settle(self, row: Row, entry: Verdict) -> None:
        """Says anew who is done with a row, and whether anybody disagrees."""
        who = self.reviewer(entry.reviewer)
        self.count(row, -1)
        was, now = entry.reviewer in row.done, self.labels <= row.current(entry.reviewer).keys()
        if now and not was:
            row.done.add(entry.reviewer)
            who.rows += 1
            who.finished.append(datetime.fromisoformat(entry.time).timestamp())
        elif was and not now:
            row.done.remove(entry.reviewer)
            who.rows -= 1
        row.disputed = any(self.tied(row, label) for words in row.words.values() for label in words)
        self.count(row, 1)

    @staticmethod
    def tied(row: Row, label: str) -> bool:
        """Whether as many said yes as no."""
        said = [words[label].word for words in row.words.values() if label in words]
        return 0 < said.count("yes") == said.count("no")

    def to_do(self, name: str, holders: dict[Key, set[str]]) -> Iterator[Key]:
        """The rows that a reviewer is to judge, in their order, but for those that others hold."""
        for place in self.open:
            key = self.keys[place]
            if self.rows[key].waits_for(name, holders.get(key, ())):
                yield key

    def walked(self, name: str) -> list[Key]:
        """The rows that a reviewer said something of, in the order in which they came to them."""
        return [key for key in self.reviewer(name).seen if self.rows[key].current(name)]

    def last(self, name: str) -> tuple[str, Key] | None:
        """When a reviewer stored their last words that still hold, and of which row."""
        trail = self.reviewer(name).trail
        while trail and not self.stored_at(name, *trail[-1]):
            trail.pop()  # withdrawn or corrected: it will not hold again
        return trail[-1] if trail else None

    def stored_at(self, name: str, time: str, key: Key) -> list[str]:
        """The labels on which a reviewer's word is the one of that time."""
        return [label for label, said in self.rows[key].current(name).items() if said.time == time]

    def pace(self, name: str) -> float | None:
        """Rows a minute, from the last ones and without breaks; None before there are three."""
        times = sorted(self.reviewer(name).finished[-PACE:])
        gaps = [later - before for before, later in pairwise(times) if later - before <= BREAK]
        return round(60 * len(gaps) / sum(gaps), 1) if len(gaps) > 1 and sum(gaps) > 0 else None

    def progress(self, name: str) -> dict[str, Any]:
        """How far the review is: rows that this reviewer judged, rows on which somebody did and nobody disagrees, all
        rows, what waits for this reviewer, the rows for two and how many of them two judged, the pace."""
        who = self.reviewer(name)
        return {
            "mine": who.rows,
            "done": self.counts["judged"],
            "total": len(self.rows),
            "left": len(self.open) - who.open,
            "per_minute": self.pace(name),
            "second": {"total": self.counts["for two"], "done": self.counts["by two"]},
            "disagreements": self.counts["disputed"],
        }
