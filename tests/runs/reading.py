"""A reader that never stops: `python -m tests.runs.reading FORMAT LABELLED` prints one JSON line for each read.

Plain Parquet is read date by date: the names of a folder are listed, then each is opened. Where one is gone by then, or
the folder is, the date is read again, and the line counts that. (`Path.glob` finds nothing, silently, where there is no
folder; pyarrow's own listing leaves out names that are gone before it has asked for their size: docs/publishing.md.) A
Delta table is read over all dates at once. Each row says how many rows its run has of that input and date, so that
every line can be judged by itself.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from pyarrow import dataset

from tests.runs.publications import MONDAY, TUESDAY, WEDNESDAY


def rows(files: Iterable[str]) -> list[tuple[str, str, int]]:
    """Input, run and promised rows of every row of some files, read as one data set."""
    table = dataset.dataset(list(files), format="parquet").to_table(columns=["id", "run_id", "rows"])
    return [(row["id"][:2], row["run_id"], row["rows"]) for row in table.to_pylist()]


def read_folder(folder: Path) -> tuple[list[tuple[str, str, int]], int]:
    """The rows of a date as a plain reader gets them, and how often it had to read again."""
    again = 0
    while True:
        try:
            return rows(str(path) for path in folder.iterdir() if path.suffix == ".parquet"), again
        except FileNotFoundError:
            again += 1


def read_table(folder: Path) -> list[list[tuple[str, str, int]]]:
    """The rows of each date of a Delta table, all of one version."""
    from deltalake import DeltaTable

    files = DeltaTable(folder).file_uris()
    return [rows(file for file in files if day in file) for day in (MONDAY, TUESDAY, WEDNESDAY)]


def line(days: list[list[tuple[str, str, int]]], again: int) -> str:
    """What was seen: for each date and input, the rows of each run and how many that run has."""
    seen = [[[*key, count] for key, count in Counter(found).items()] for found in days]
    return json.dumps({"days": seen, "again": again})


def main(kind: str, folder: Path) -> None:
    """Reads until nobody listens."""
    days = (MONDAY, TUESDAY, WEDNESDAY)
    while True:
        if kind == "delta":
            print(line(read_table(folder), 0), flush=True)
        else:
            for day in days:
                found, again = read_folder(folder / f"date={day}")
                print(line([found], again), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
