"""What a case of hostile input is: how it is made, and what must come of it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from tests.dumps import DAY

Maker = Callable[[Path], Path]  # writes below a folder, and returns what to name as the input
ROWS = 1000  # of an ordinary file


@dataclass(frozen=True)
class Case:
    """An input that is broken or odd as a whole. `make` writes it below a folder and returns the path to give the run.

    `says` is a part of the one line that a refused run prints, beside the name of the file; `counts` are rows as
    (labelled, quarantined) of a run that is not refused. `why` is for the page.
    """

    name: str
    make: Maker
    code: int
    says: str = ""
    counts: tuple[int, int] = (0, 0)
    why: str = ""
    names: str = "x.parquet"  # what the line must name
    settings: dict[str, object] = field(default_factory=dict)


def ordinary(rows: int = ROWS, first: int = 0) -> pa.Table:
    """A table like any dump's: ids, texts that all differ, one day."""
    numbers = range(first, first + rows)
    return pa.table(
        {
            "id": [f"row{number}" for number in numbers],
            "body": [f"comment number {number} says hello " * 3 for number in numbers],
            "created_utc": [DAY + number for number in numbers],
        },
        schema=pa.schema({"id": pa.string(), "body": pa.string(), "created_utc": pa.int64()}),
    )


def write(table: pa.Table, path: Path, **options: object) -> Path:
    """Writes a table as a Parquet file, its folders too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(table, path, **options)
    return path


def as_file(build: Callable[[], pa.Table], name: str = "x.parquet", **options: object) -> Maker:
    """A maker of one file from a table."""
    return lambda folder: write(build(), folder / name, **options)


def with_bytes(change: Callable[[bytes], bytes], **options: object) -> Maker:
    """A maker of an ordinary file whose bytes are then changed."""

    def make(folder: Path) -> Path:
        path = write(ordinary(), folder / "x.parquet", **options)
        path.write_bytes(change(path.read_bytes()))
        return path

    return make
