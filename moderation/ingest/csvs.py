"""CSV and TSV to rows, record by record, with the number of each record's first line.

By the standard library: pyarrow's reader knows no line numbers, and gives up on a whole file for one bad byte or quote.
"""

import csv
import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from moderation.errors import UsageError
from moderation.ingest.batch import Batch, Rejected, assemble, excerpt
from moderation.ingest.fields import Kind, keys
from moderation.ingest.lines import LONGEST_LINE, Block

ROWS = 10_000  # records of a batch
BYTES = 4 << 20


class Record(NamedTuple):
    """A record's fields, or the reason why it has none, with the line it begins in and its bytes."""

    fields: list[str]
    line: int
    raw: bytes
    reason: str | None = None


def read_csv(
    blocks: Iterator[Block], path: Path, delimiter: str, kind: Kind, mapping: Mapping[str, str]
) -> Iterator[Batch]:
    """The rows of a CSV file whose first record names the columns."""
    found = records(blocks, delimiter)
    header = next((record for record in found if record.fields), None)
    if header is None:
        return
    names = keys(kind, mapping)
    check_names(path, header.fields, names, kind)
    columns = {name: header.fields.index(key) for name, key in names.items() if key in header.fields}
    for batch in batches(found):
        yield read(batch, columns, len(header.fields), kind)


def records(blocks: Iterator[Block], delimiter: str) -> Iterator[Record]:
    """All records, blank lines as records without fields or bytes."""
    csv.field_size_limit(LONGEST_LINE)
    taken: list[bytes] = []
    first, broken = 0, ""

    def lines() -> Iterator[str]:
        nonlocal first, broken
        for block in blocks:
            for number, line in enumerate(block.content.split(b"\n"), block.first):
                first = first if taken else number
                taken.append(line)
                try:
                    text = line.decode()
                except UnicodeDecodeError:
                    text, broken = line.decode("utf-8", "replace"), "not_utf8"
                if block.too_long:
                    broken = "line_too_long"
                yield text + "\n"

    reader = csv.reader(lines(), delimiter=delimiter)
    while True:
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error:
            fields, broken = [], broken or "not_csv"
        yield Record(fields, first, b"\n".join(taken), broken or None)
        taken.clear()
        broken = ""


def batches(found: Iterator[Record]) -> Iterator[list[Record]]:
    """Records in lists of bounded size."""
    while some := list(itertools.islice(found, ROWS)):
        start = size = 0
        for place, record in enumerate(some):
            size += len(record.raw)
            if size >= BYTES:
                yield some[start : place + 1]
                start, size = place + 1, 0
        if some[start:]:
            yield some[start:]


def read(found: list[Record], columns: dict[str, int], width: int, kind: Kind) -> Batch:
    """The rows of some records."""
    rejected: list[Rejected] = []
    good: list[Record] = []
    blank = 0
    for record in found:
        if not record.reason and not record.raw.strip():
            blank += 1
        elif record.reason or len(record.fields) != width:
            rejected.append(rejection(record, record.reason or "wrong_columns"))
        else:
            good.append(record)
    values = {name: [record.fields[place] for record in good] for name, place in columns.items()}
    table, days, reasons, odd = assemble(values, len(good), kind)
    rejected += [rejection(good[position], reason) for position, reason in reasons.items()]
    return Batch(table, days, len(found), blank, sorted(rejected), odd)


def rejection(record: Record, reason: str) -> Rejected:
    """What the quarantine has of a record."""
    return Rejected(record.line, reason, excerpt(record.raw), len(record.raw))


def check_names(path: Path, names: list[str], wanted: Mapping[str, str], kind: Kind) -> None:
    """Refuses a table that lacks the columns that every row needs, or has one of them twice."""
    shown = ", ".join(name[:40] for name in names[:20])
    texts = [name for name in ("body", "title", "selftext") if wanted.get(name) in names]
    if wanted["id"] not in names:
        raise UsageError(f"{path}: no column '{wanted['id']}'; name the id's with --map id=..., one of {shown}")
    if not texts:
        text = "title" if kind == "submission" else "body"
        raise UsageError(f"{path}: no column '{wanted[text]}'; name the text's with --map {text}=..., one of {shown}")
    for name in (wanted["id"], *(wanted[text] for text in texts)):
        if names.count(name) > 1:
            raise UsageError(f"{path}: two columns are called '{name}'")
