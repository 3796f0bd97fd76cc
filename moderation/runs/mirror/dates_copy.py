"""A copy as plain Parquet on HDFS: folders of dates are uploaded whole, then take the place of the old ones by renames.

HDFS renames a folder in one step but over nothing, so a date takes two: between them there is no folder of that date,
and never a mixture. Which swaps were begun can be seen from what lies where, so that the next copy finishes them:

    labelled/date=2026-01-05/                              what readers read
    .mirror/<attempt>/ready/labelled/date=2026-01-05/      uploaded, not current yet
    .mirror/<attempt>/replaced/labelled/date=2026-01-05/   until the next copy: readers may be at it
"""

import json
import secrets
from dataclasses import dataclass
from pathlib import Path

from moderation.errors import UsageError
from moderation.runs.mirror.copied import Files, Mirrored, Told, check_ours, description
from moderation.runs.mirror.hdfs import Hdfs
from moderation.runs.publish_parquet import TREES

WORK = ".mirror"
MARKER = f"{WORK}/copy.json"  # says whose copy this is


@dataclass(frozen=True)
class Day:
    """A date of a table that is to change: the files it is to have, and the names it has; none is no folder."""

    tree: str
    name: str
    files: dict[str, Path]
    there: frozenset[str]

    @property
    def place(self) -> str:
        """Its folder."""
        return f"{self.tree}/{self.name}"


class DatesCopy:
    """The folders `labelled` and `quarantine` of a place on HDFS."""

    def __init__(self, hdfs: Hdfs) -> None:
        self.hdfs = hdfs
        self.work, self.origin = "", ""
        self.days: list[Day] = []
        self.bytes: dict[str, int] = {}

    def exists(self) -> bool:
        """Whether a copy of this format is there."""
        return self.hdfs.exists(MARKER)

    def plan(self, origin: str, files: Files) -> None:
        """Compares dates by the names and sizes of their files; finishes swaps that were begun by a copy that died."""
        self.origin = origin
        self.check()
        self.finish()
        self.work = f"{WORK}/{secrets.token_hex(8)}"
        self.days = [day for tree in TREES for day in self.changes(tree, files[tree])]
        self.bytes = dict.fromkeys(TREES, 0)

    def check(self) -> None:
        """Raises `UsageError` where the place holds something else; says of an empty one whose copy it will be."""
        if self.exists():
            if (theirs := json.loads(self.hdfs.read(MARKER))["description"]) != description(self.origin):
                raise UsageError(f"{self.hdfs.to}: is no copy of this output, but {theirs}")
        elif taken := [tree for tree in TREES if self.hdfs.exists(tree)]:
            raise UsageError(f"{self.hdfs.to}/{taken[0]}: is there already, and no copy of this output")
        else:
            self.hdfs.write(f"{MARKER}.new", [json.dumps({"description": description(self.origin)}).encode()])
            self.hdfs.rename(f"{MARKER}.new", MARKER)

    def finish(self) -> None:
        """Puts uploaded dates in the place of those that are replaced but not followed yet; removes what is left."""
        attempts = [name for name, found in self.hdfs.names(WORK).items() if found.isdir]
        for work in (f"{WORK}/{name}" for name in attempts):
            for tree in TREES:
                replaced, current = self.hdfs.names(f"{work}/replaced/{tree}"), self.hdfs.names(tree)
                ready = self.hdfs.names(f"{work}/ready/{tree}")
                for day in (ready.keys() & replaced.keys()) - current.keys():
                    self.hdfs.rename(f"{work}/ready/{tree}/{day}", f"{tree}/{day}")
            self.hdfs.remove(work)

    def changes(self, tree: str, files: dict[str, Path]) -> list[Day]:
        """The dates of a table whose files are not those that are published."""
        wanted: dict[str, dict[str, Path]] = {day: {} for day in self.hdfs.names(tree)}
        for path, file in files.items():
            day, name = path.split("/")
            wanted.setdefault(day, {})[name] = file
        found = []
        for day, of_day in sorted(wanted.items()):
            there = {name: one.length for name, one in self.hdfs.names(f"{tree}/{day}").items()}
            check_ours(f"{self.hdfs.to}/{tree}", (f"{day}/{name}" for name in there))
            if there != {name: file.stat().st_size for name, file in of_day.items()}:
                found.append(Day(tree, day, of_day, frozenset(there)))
        return found

    def upload(self, told: Told) -> None:
        """Uploads each date that changes as a whole: HDFS has no links, so files that stay are uploaded again."""
        for day in self.days:
            for name, file in sorted(day.files.items()):
                size = file.stat().st_size
                self.hdfs.put(f"{self.work}/ready/{day.place}/{name}", file)
                self.bytes[day.tree] += size
                told(f"{day.place}/{name}", size)

    def commit(self, run_id: str | None) -> list[Mirrored]:
        """Swaps the dates, one by one; nothing but a rename is done while a date has no folder."""
        for tree in {day.tree for day in self.days}:
            self.hdfs.make(tree)
            self.hdfs.make(f"{self.work}/replaced/{tree}")
        for day in self.days:
            if self.hdfs.exists(day.place):
                self.hdfs.rename(day.place, f"{self.work}/replaced/{day.place}")
            if day.files:
                self.hdfs.rename(f"{self.work}/ready/{day.place}", day.place)
        return [self.mirrored(tree) for tree in TREES]

    def mirrored(self, tree: str) -> Mirrored:
        """What became of one table."""
        days = [day for day in self.days if day.tree == tree]
        added = sum(len(day.files.keys() - day.there) for day in days)
        removed = sum(len(day.there - day.files.keys()) for day in days)
        return Mirrored(tree, None, added, removed, self.bytes[tree], len(days))
