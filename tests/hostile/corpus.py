"""The corpus: rows of all families, shuffled, as Parquet files, and what must come of each row."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from random import Random

import pyarrow as pa
from pyarrow import parquet

from tests.dumps import text_array
from tests.hostile.bodies import FAMILIES, word, words
from tests.hostile.names_and_times import BROKEN_IDS, TIMES, UNREADABLE, UNREADABLE_NAME, odd_ids

SEED = 20260105
DAY = "2026-01-05"
NUMBERS = [2, 3, -2, 2**63 - 1, -(2**63), 10**18, -7, 2**31, 2**32, 2**53 + 1]  # ids that are int64
Text = str | bytes | None


@dataclass(frozen=True)
class Row:
    """A row as it stands in the file, and its outcome: `status` is the contract's, or `quarantined`."""

    part: str  # of the page: bodies, ids or times
    family: str
    id: bytes | None
    body: bytes | None
    created_utc: bytes | None
    author: bytes | None
    status: str = "scored"
    reason: str | None = None
    date: str = DAY


def as_bytes(value: Text) -> bytes | None:
    return value.encode() if isinstance(value, str) else value


class Maker:
    """Makes rows; ordinary ids hold a digest of their body, so that no body can change its place unseen."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.count = 0

    def row(self, part: str, family: str, status: str = "scored", reason: str | None = None, **given: object) -> Row:
        """A row that is ordinary but for what is given."""
        self.count += 1
        body = as_bytes(given.get("body", f"{words(self.random)} {self.count}"))  # type: ignore[arg-type]
        id = as_bytes(given.get("id", f"{self.count:06d}-{hashlib.sha256(body or b'').hexdigest()[:16]}"))  # type: ignore[arg-type]
        time = as_bytes(given.get("time", f"{DAY}T{self.random.randrange(24):02d}:00:00Z"))  # type: ignore[arg-type]
        author = self.random.choice([None, b"", b"\xff\xfe", b"ann\0", "ü".encode(), word(self.random).encode()])
        return Row(part, family, id, body, time, author, status, reason, str(given.get("date", DAY)))

    def rows(self) -> Iterator[Row]:
        """All rows of all families."""
        random = self.random
        for family in FAMILIES:
            for _ in range(family.rows):
                yield self.row("bodies", family.name, family.status, family.reason, body=family.make(random))
        for family in BROKEN_IDS:
            for _ in range(family.rows):
                yield self.row("ids", family.name, family.status, family.reason, id=family.make(random))
        for name, ids in odd_ids(random).items():
            for id in dict.fromkeys(ids):
                yield self.row("ids", name, id=id)
        yield from self.timed()

    def timed(self) -> Iterator[Row]:
        """The rows whose times are odd."""
        for name, (count, make) in TIMES.items():
            for _ in range(count):
                time, date = make(self.random)
                yield self.row("times", name, time=time, date=date)
        for number in range(3 * len(UNREADABLE)):
            time = UNREADABLE[number % len(UNREADABLE)]
            yield self.row("times", UNREADABLE_NAME, "quarantined", "timestamp_unreadable", time=time, date="unknown")


@lru_cache(maxsize=1)
def corpus() -> dict[str, list[Row]]:
    """The rows of each file, in order; the same on every machine."""
    maker = Maker(SEED)
    rows = list(maker.rows())
    Random(SEED).shuffle(rows)
    numbers = [maker.row("ids", "whole numbers of 64 bits", id=str(number)) for number in [*NUMBERS, *range(50, 240)]]
    third = len(rows) // 3
    return {
        "text.parquet": rows[:third],
        "large text, by number.parquet": rows[third : 2 * third],
        "bytes.parquet": rows[2 * third :],
        "numbers.parquet": numbers,
    }


def write_corpus(folder: Path) -> None:
    """Writes the corpus: text as careless writers leave it, in several of Parquet's ways."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in corpus().items():
        columns = {key: [getattr(row, key) for row in rows] for key in ("id", "body", "created_utc", "author")}
        kind = pa.binary() if name.startswith("bytes") else pa.string()
        table = {key: text_array(values) for key, values in columns.items()}
        table["body"] = table["body"].view(kind)
        if name.startswith("numbers"):
            table["id"] = pa.array([int(row.id or 0) for row in rows])
        table["row_number"] = pa.array(range(len(rows)))
        parquet.write_table(
            pa.table(table),
            folder / name,
            row_group_size=700,
            use_dictionary="number" in name,
            write_page_checksum=True,
        )
