"""What a reader of a copy on HDFS sees; `python -m tests.hdfs.copied_rows FORMAT URI` reads until nobody listens."""

import io
import json
import sys
from collections import Counter
from urllib.parse import urlsplit

import hdfs_native
from deltalake import DeltaTable
from pyarrow import parquet

from tests.runs.publications import MONDAY, TUESDAY, WEDNESDAY

DAYS = (MONDAY, TUESDAY, WEDNESDAY)
Seen = list[list[str | int]]  # input, run, rows that this run promises, rows


def client_of(uri: str) -> tuple[hdfs_native.Client, str]:
    """A client, and the path that an address names."""
    parts = urlsplit(uri)
    return hdfs_native.Client(f"{parts.scheme}://{parts.netloc}"), parts.path


def rows(client: hdfs_native.Client, paths: list[str]) -> Seen:
    """What files hold: for each input and run the rows that are there and those that each row promises."""
    found: Counter[tuple[str, str, int]] = Counter()
    for path in paths:
        with client.read(path) as file:
            table = parquet.read_table(io.BytesIO(file.read()), columns=["id", "run_id", "rows"])
        found.update((row["id"][:2], row["run_id"], row["rows"]) for row in table.to_pylist())
    return [[*key, count] for key, count in sorted(found.items())]


def read_day(client: hdfs_native.Client, folder: str) -> Seen:
    """The rows of a date: its names are listed, then each is opened."""
    return rows(client, [one.path for one in client.list_status(folder)])


def read_table(client: hdfs_native.Client, uri: str) -> list[Seen]:
    """The rows of each date of a Delta table, all of one version."""
    files = [urlsplit(file).path for file in DeltaTable(uri).file_uris()]
    return [rows(client, [file for file in files if f"date={day}/" in file]) for day in DAYS]


def main(kind: str, uri: str) -> None:
    """Reads until nobody listens; a date that is gone, or a file of it, is read again."""
    client, folder = client_of(uri)
    while True:
        if kind == "delta":
            print(json.dumps(read_table(client, uri)), flush=True)
            continue
        for day in DAYS:
            try:
                print(json.dumps([read_day(client, f"{folder}/date={day}")]), flush=True)
            except FileNotFoundError:
                print("again", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
