"""What is common to copies of all formats."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from moderation.errors import UsageError

OURS = re.compile(r"date=[^/]+/[^/]+-\d{5}\.parquet")
Files = dict[str, dict[str, Path]]  # of each table, by their path in it
Put = Callable[[str, Path], None]  # stores a file at a path below the place of the copy
Told = Callable[[str, int], None]  # a file's path and bytes


@dataclass(frozen=True)
class Mirrored:
    """What became of one table of the copy; a Delta table has a version, and plain Parquet dates that changed."""

    tree: str
    version: int | None
    added: int
    removed: int
    bytes: int
    dates: int | None = None


class Copy(Protocol):
    """A place that holds a copy; its methods are called in this order, `plan` anew after a failed attempt."""

    def plan(self, origin: str, files: Files) -> None:
        """Finds what is to change; raises `UsageError` where the place holds anything but this output's copy."""

    def upload(self, told: Told) -> None:
        """Puts new files where no reader looks."""

    def commit(self, run_id: str | None) -> list[Mirrored]:
        """Makes what was uploaded current, and tells what became of each table."""


def description(origin: str) -> str:
    """What an output's copy says of itself."""
    return f"copy of the output whose first run is {origin}"


def check_ours(where: str, paths: Iterable[str]) -> None:
    """Raises `UsageError` where a file in the copy is none that this program put there."""
    if odd := [path for path in paths if not OURS.fullmatch(path)]:
        raise UsageError(f"{where}: {odd[0]} was written by another program (compacted?); copy to another place")
