"""The estimates of a sample while it is reviewed: made again when there are new verdicts, and what they were before.

The figures are those of `moderation audit estimate`: the same function on the same words. The store is append-only, so
that what was known earlier can be told from its beginning alone, also after a restart.
"""

import sqlite3
import time
from contextlib import ExitStack, suppress

from moderation.audit.design import SampleFolder
from moderation.audit.estimate import estimates_of
from moderation.audit.sample import read_sample
from moderation.audit.verdict import COLUMNS, Verdict
from moderation.audit.verdict_store import clear_errors, for_reading
from moderation.audit.verdicts import last_words, settle
from moderation.errors import UsageError
from moderation.review.leash import Say

PAUSE = 2.0  # seconds between two estimates, more where they take long
SHARE = 0.25  # of a processor's time that estimates may take
AFTER_ERROR = 5.0
POINTS, FIRST = 16, 20  # of the history after a start: how many, and the entries of the first
NEWER = f"SELECT entry, {', '.join(COLUMNS)} FROM verdicts WHERE entry > ? ORDER BY entry"
BROKEN = (ValueError, LookupError, TypeError, ArithmeticError)  # a sample that was made by hand, say
NEEDED = ["id", "date", "stratum", "labels", "duplicates", "probability"]  # no text: it may be long


class LiveEstimates:
    """The verdicts of a sample as far as they were read, and when the next estimate is due."""

    def __init__(self, folder: SampleFolder, say: Say) -> None:
        self.folder, self.say = folder, say
        self.design, self.rows = folder.read_design(), read_sample(folder, NEEDED)
        self.entries: list[Verdict] = []
        self.last, self.due = 0, 0.0
        self.told = -1
        self.points: list[int] = []
        self.opened = ExitStack()
        self.store: sqlite3.Connection | None = None
        self.file: tuple[int, int] | None = None

    def step(self) -> bool:
        """Tells new estimates if there are new verdicts and it is time; whether it did."""
        if time.monotonic() < self.due:
            return False
        try:
            self.read_new()
            if self.told == len(self.entries):
                return False
            first, self.told = self.told < 0, len(self.entries)
            began, worked = time.monotonic(), time.process_time()
            self.tell(self.told)
            self.due = began + max(PAUSE, (time.process_time() - worked) / SHARE)
            if first:
                self.points = earlier(self.told)
        except (UsageError, *BROKEN) as error:
            said = str(error) if isinstance(error, UsageError) else f"{type(error).__name__} on what is in the sample"
            self.say({"estimates_note": f"no estimates: {said}"})
            self.due = time.monotonic() + AFTER_ERROR
        return True

    def earlier_step(self) -> bool:
        """Tells one more of the estimates as they were before this process began; whether there was one left."""
        if self.points:
            self.tell(self.points.pop())
            return True
        return False

    def tell(self, count: int) -> None:
        """Says what the first `count` entries let estimate."""
        said = settle(last_words(self.entries[:count]))
        found = estimates_of(self.design, self.rows, said, ())
        self.say({"entries": count, "estimates": [one.as_dict() for one in found]})

    def read_new(self) -> None:
        """Reads the entries that came since; raises `UsageError` for a store that cannot be read."""
        with clear_errors(self.folder.verdicts):
            if (file := identity(self.folder)) != self.file or self.store is None:
                self.opened.close()
                self.store = self.file = None
                self.store = self.opened.enter_context(for_reading(self.folder))
                self.file, self.entries, self.last = file, [], 0
            for entry, *fields in self.store.execute(NEWER, [self.last]).fetchall() if self.store else ():
                self.entries.append(Verdict(**dict(zip(COLUMNS, fields, strict=True))))
                self.last = entry


def identity(folder: SampleFolder) -> tuple[int, int] | None:
    """Which file the store is: somebody may put back a copy."""
    with suppress(OSError):
        found = folder.verdicts.stat()
        return found.st_dev, found.st_ino
    return None


def earlier(count: int) -> list[int]:
    """Numbers of entries at which to look back, ever closer to the beginning; the first entries tell nothing."""
    if count <= FIRST:
        return []
    ratio = (count / FIRST) ** (1 / POINTS)
    return sorted({round(FIRST * ratio**step) for step in range(POINTS)} - {count})
