"""Rows to Parquet files by day, of a sensible size whatever the order of the days, with bounded memory.

Rows are held back until there are enough of them, sorted by day and written as one part per day, in a thread. In the
end neighbouring parts of a day that are small become one file.
"""

import datetime
import os
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from moderation.ingest.batch import UNKNOWN, Rejected
from moderation.ingest.fields import quarantine_schema, schema

HELD = 128 << 20  # bytes of rows in memory before they are written: about 50 MB of Parquet
SMALL = HELD // 2  # parts below this are joined with their neighbours
ROW_GROUP = 50_000  # rows: what a run takes as one shard
FEW_VALUES = [
    *("kind", "author", "author_flair_text", "subreddit", "subreddit_id", "distinguished", "collapsed_reason"),
    *("collapsed_reason_code", "removal_reason", "removal_type", "removed_by_category", "mod_reason_title"),
    *("link_flair_text", "link_id"),
]
EPOCH = datetime.date(1970, 1, 1)


class Part(NamedTuple):
    """A piece of a day as it was written: its file, and its size in memory."""

    path: Path
    size: int


class Days:
    """Takes rows in any order of days; as a context it ends its thread. Files come below `folder`."""

    def __init__(self, folder: Path, held: int = HELD) -> None:
        self.folder, self.limit = folder, held
        self.held: list[tuple[pa.Table, np.ndarray]] = []
        self.size = self.count = 0
        self.parts: dict[int, list[Part]] = {}
        self.pool = ThreadPoolExecutor(1)
        self.writing: Future[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.pool.shutdown(wait=True, cancel_futures=True)

    def add(self, table: pa.Table, days: np.ndarray) -> None:
        """Takes rows and the day of each."""
        if not len(days):
            return
        self.held.append((table, days))
        self.size += table.nbytes
        if self.size >= self.limit:
            self.flush()

    def flush(self) -> None:
        """Hands what is held to the thread, once it is done with what it had before."""
        self.wait()
        if self.held:
            self.writing = self.pool.submit(self.write, self.held)
            self.held, self.size = [], 0

    def wait(self) -> None:
        """Until nothing is being written; raises what went wrong with it."""
        if self.writing:
            self.writing.result()
            self.writing = None

    def write(self, held: list[tuple[pa.Table, np.ndarray]]) -> None:
        """Writes rows as one part for each of their days; rows of a day keep their order."""
        table = pa.concat_tables([rows for rows, _ in held])
        days = np.concatenate([found for _, found in held])
        held.clear()  # or it would keep what is sorted twice in memory
        if np.any(np.diff(days) < 0):
            order = np.argsort(days, kind="stable")
            table, days = table.take(pa.array(order)), days[order]
        cuts = [0, *(np.flatnonzero(np.diff(days)) + 1).tolist(), len(days)]
        for start, stop in pairwise(cuts):
            rows = table.slice(start, stop - start)
            path = self.folder / "parts" / f"{self.count:07d}.parquet"
            write_rows(rows, path)
            self.count += 1
            self.parts.setdefault(int(days[start]), []).append(Part(path, rows.nbytes))

    def settle(self, stem: str) -> list[Path]:
        """Writes what is left, joins small parts, and returns the files: `date=…/<stem>-00000.parquet`."""
        self.flush()
        self.wait()
        files = []
        for day, parts in sorted(self.parts.items()):
            folder = self.folder / f"date={day_name(day)}"
            folder.mkdir()
            for number, group in enumerate(groups(parts)):
                files.append(folder / f"{stem}-{number:05d}.parquet")
                join(group, files[-1])
        return files


def day_name(day: int) -> str:
    """A day as its folder's name has it."""
    return "unknown" if day == UNKNOWN else (EPOCH + datetime.timedelta(days=day)).isoformat()


def groups(parts: list[Part]) -> list[list[Part]]:
    """Neighbouring parts together until they are of some size."""
    found: list[list[Part]] = [[]]
    size = 0
    for part in parts:
        if size >= SMALL:
            found.append([])
            size = 0
        found[-1].append(part)
        size += part.size
    return found


def join(parts: list[Part], target: Path) -> None:
    """Makes one durable file of parts."""
    if len(parts) > 1:
        write_rows(pa.concat_tables([parquet.ParquetFile(part.path).read() for part in parts]), target)
        for part in parts:
            part.path.unlink()
    else:
        parts[0].path.rename(target)
    with target.open("rb") as file:
        os.fsync(file.fileno())


def write_rows(rows: pa.Table, path: Path) -> None:
    """Writes one Parquet file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(
        rows.cast(schema()),
        path,
        row_group_size=ROW_GROUP,
        compression="zstd",
        use_dictionary=FEW_VALUES,
        write_statistics=["created_utc"],
    )


class Quarantine:
    """The broken lines of one source, in one Parquet file that is there only where it has rows."""

    def __init__(self, path: Path, uri: str) -> None:
        self.path, self.uri = path, uri
        self.rows: list[dict[str, Any]] = []
        self.writer: parquet.ParquetWriter | None = None

    def add(self, rejected: list[Rejected]) -> None:
        """Takes lines."""
        for line in rejected:
            raw = line.raw.decode("utf-8", "replace")
            known = {"raw": raw, "source_file": self.uri, "line": line.line, "bytes": line.size, "reason": line.reason}
            self.rows.append(known)
        if len(self.rows) >= 5000:
            self.flush()

    def flush(self) -> None:
        """Writes the lines that are held."""
        if not self.rows:
            return
        if self.writer is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.writer = parquet.ParquetWriter(self.path, quarantine_schema(), compression="zstd")
        self.writer.write_table(pa.Table.from_pylist(self.rows, quarantine_schema()))
        self.rows = []

    def close(self) -> list[Path]:
        """Writes what is left; the file, or none."""
        self.flush()
        if self.writer is None:
            return []
        self.writer.close()
        with self.path.open("rb") as file:
            os.fsync(file.fileno())
        return [self.path]
