"""Personal data planted in rows, and a search for it in everything that was written."""

import json
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from pyarrow import parquet

AUTHOR, ACCOUNT = "PlantedJaneDoe77", "t2_planted77"
EMAIL, PHONE, IP, IPV6, CARD = (
    "planted.jane@secret-mail.example.com",
    "+1 (415) 555-2671",
    "203.0.113.77",
    "2001:db8:77::4242",
    "4111 1111 1111 1111",
)
NEEDLES = (AUTHOR, ACCOUNT, "planted.jane", "secret-mail", "555-2671", IP, "db8:77", "1111 1111")
TEXT = f"Write {EMAIL}, call {PHONE}, ssh {IP} or {IPV6}, pay {CARD} you idiot"
KEY = "0123456789abcdef0123456789abcdef"


def contents(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """Every file below a folder, as it is and, where its text is packed, unpacked."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        raw = path.read_bytes()
        yield path, raw
        if raw[:4] == b"PAR1":
            file = parquet.ParquetFile(path)
            yield path, json.dumps(file.read().to_pylist(), default=str, ensure_ascii=False).encode()
            yield path, str(file.metadata.metadata).encode()
        if raw.startswith(b"SQLite format 3"):
            with sqlite3.connect(path) as database:
                yield path, "\n".join(database.iterdump()).encode()


def found_in(folder: Path, *more: str) -> list[tuple[str, str]]:
    """Where any of what was planted stands, whatever its case; and that there was something to search."""
    every = list(contents(folder))
    assert len(every) >= 3
    wanted = [needle.encode() for needle in (*NEEDLES, *more)]
    return [
        (str(path.relative_to(folder)), needle.decode())
        for path, raw in every
        for needle in wanted
        if re.search(re.escape(needle), raw, re.IGNORECASE)
    ]
