"""Shards: the pieces of the input that are scored and kept one by one."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from moderation.runs.inputs import InputFile

MOST_ROWS = 50_000  # a minute or so of scoring on one core: no more than that is lost with a task
PIECES = 16  # of a file that is not large: work for every core of a machine
FEWEST_ROWS = 1_000  # texts of like length are batched within a shard: with fewer rows they are less alike
AHEAD = 2  # tasks of the size of the next one that each slot shall still have before it: what is left is shared evenly
PART_ROWS = 500_000  # of shards that are only read: what a task does again where it dies


@dataclass(frozen=True)
class Shard:
    """Rows [start, stop) of an input file of `rows` rows, and what tells whether the file is still the same."""

    path: str
    uri: str
    key: str
    sha256: str
    rows: int
    size: int
    mtime_ns: int
    folder_values: tuple[tuple[str, str | None], ...]
    start: int
    stop: int

    @property
    def name(self) -> str:
        """The file's name and the rows, for messages."""
        return f"{self.path} rows {self.start:,} to {self.stop:,}"


def bounds(rows: int) -> Iterator[tuple[int, int]]:
    """The [start, stop) of a file's shards: from its rows alone, so that any machine finds the same ones.

    At most `MOST_ROWS` each; a smaller file in up to `PIECES` pieces of at least `FEWEST_ROWS`, sizes within one row.
    """
    pieces = max(-(-rows // MOST_ROWS), min(PIECES, rows // FEWEST_ROWS), 1)
    edges = [rows * number // pieces for number in range(pieces + 1)]
    return ((start, stop) for start, stop in pairwise(edges) if start < stop)


def shards_of(files: Iterable["InputFile"]) -> list[Shard]:
    """The shards of all files, in order; a file without rows has none."""
    return [
        Shard(*known, start, stop)
        for file in files
        for known in [
            (str(file.path), file.uri, file.key, file.sha256, file.rows, file.size, file.mtime_ns, file.folder_values)
        ]
        for start, stop in bounds(file.rows)
    ]


def tasks_of(shards: Sequence[Shard], slots: int) -> list[range]:
    """Consecutive shards as tasks for so many slots, by their positions: for work that takes long and is kept shard by
    shard.

    The first tasks have several shards, as a slot has nothing to do between two tasks, and the last ones one each, as
    slots wait for the last one to end (guided self-scheduling: Polychronopoulos and Kuck, 1987). None has more than
    `MOST_ROWS` rows.
    """
    left = sum(shard.stop - shard.start for shard in shards)
    tasks, first = [], 0
    while first < len(shards):
        most, stop, rows = min(MOST_ROWS, left // (AHEAD * slots)), first, 0
        while stop < len(shards) and (stop == first or rows + shards[stop].stop - shards[stop].start <= most):
            rows += shards[stop].stop - shards[stop].start
            stop += 1
        tasks.append(range(first, stop))
        first, left = stop, left - rows
    return tasks


def parts_of(shards: Sequence[Shard], tasks: int) -> list[range]:
    """Consecutive shards in about so many parts, by their positions: for work that is read in one go, part by part.

    A row group is decoded from its start whoever reads it, so fewer readers of one decode less.
    """
    most = min(PART_ROWS, max(FEWEST_ROWS, -(-sum(shard.stop - shard.start for shard in shards) // tasks)))
    parts, first, rows = [], 0, 0
    for number, shard in enumerate(shards):
        rows += shard.stop - shard.start
        if rows >= most or number == len(shards) - 1:
            parts.append(range(first, number + 1))
            first, rows = number + 1, 0
    return parts
