"""Published rows by their number in an index: read from the run's own files, only the rows that a page shows."""

import time
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache, lru_cache
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moderation.errors import UsageError
from moderation.review.browse_filter import Filter
from moderation.review.browse_index import SETTINGS
from moderation.review.browse_query import PAGE, Index, known_at, numbers_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Columns = tuple[str, ...] | None  # None: all

TEXTS = ("id", "body")  # what the index has not
AT_ONCE = 4  # files that are read at the same time
SEARCH_SECONDS = 1.0  # that a search for a text may take before it shows how far it came
SEARCH_ROWS = 2000  # whose texts are read at once


def rows_at(index: Index, numbers: Iterable[int], columns: Columns = TEXTS) -> dict[int, dict[str, Any]]:
    """Rows by number, of the columns that there are (None: all), with `date` and the `file` they are in."""
    by_file = defaultdict[int, dict[int, int]](dict)
    for number in numbers:
        file = bisect_right(index.first, number) - 1
        by_file[file][number - index.first[file]] = number

    def read(file: int) -> list[tuple[int, dict[str, Any]]]:
        (date, path), places = index.files[file], by_file[file]
        rows = rows_of_file(path, sorted(places), columns)
        return [(places[place], row | {"date": date, "file": path}) for place, row in rows.items()]

    return dict(chain.from_iterable(readers().map(read, by_file)))


@cache
def readers() -> ThreadPoolExecutor:
    """Threads that read files: a page's rows may be in as many files as there are rows."""
    return ThreadPoolExecutor(AT_ONCE, thread_name_prefix="browse")


def rows_of_file(path: Path, places: list[int], columns: Columns) -> dict[int, dict[str, Any]]:
    """Rows of a Parquet file by their place in it. DuckDB passes by what is between them; what is no UTF-8 only
    pyarrow reads."""
    import duckdb

    try:
        there = [name for name in stored(path) if columns is None or name in columns]
        chosen = ", ".join(quoted(name) for name in there)
        marks = ", ".join("?" * len(places))
        asked = (
            f"SELECT file_row_number, {chosen} FROM read_parquet(?, file_row_number = true, hive_partitioning = false) "
            f"WHERE file_row_number IN ({marks})"
        )
        with reader().cursor() as cursor:
            rows = cursor.execute(asked, [literal(path), *places]).fetchall()
        return {row[0]: dict(zip(there, row[1:], strict=True)) for row in rows}
    except duckdb.Error:
        return by_arrow(path, places, columns)


def by_arrow(path: Path, places: list[int], columns: Columns) -> dict[int, dict[str, Any]]:
    """The same by pyarrow, a row group at a time; bytes that are no UTF-8 become U+FFFD."""
    import pyarrow.parquet as pq
    from pyarrow.lib import ArrowException

    found: dict[int, dict[str, Any]] = {}
    first = 0
    try:
        with pq.ParquetFile(path) as file:
            there = [name for name in file.schema_arrow.names if columns is None or name in columns]
            for group in range(file.num_row_groups):
                size = file.metadata.row_group(group).num_rows
                mine = [place for place in places if first <= place < first + size]
                if mine:
                    table = file.read_row_group(group, columns=there).take([place - first for place in mine])
                    found |= dict(zip(mine, [plain_row(table, at) for at in range(len(mine))], strict=True))
                first += size
    except (OSError, ArrowException) as error:
        said = " ".join(str(error).split())[:120]
        raise UsageError(f"{path}: cannot be read ({said}): 'moderation audit verify' says what was changed") from error
    return found


def plain_row(table: Any, place: int) -> dict[str, Any]:
    """A row of a table as Python has it."""
    found = {}
    for name in table.column_names:
        value = table.column(name)[place]
        try:
            found[name] = value.as_py()
        except UnicodeDecodeError:
            found[name] = value.cast("binary").as_py().decode("utf-8", "replace")
    return found


@lru_cache(maxsize=10_000)
def stored(path: Path) -> list[str]:
    """The columns of a file."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        return list(file.schema_arrow.names)


@cache
def reader() -> "DuckDBPyConnection":
    """What reads published files; nothing is installed, and nothing comes from a network."""
    import duckdb

    return duckdb.connect(config=SETTINGS)


def quoted(name: str) -> str:
    """A column's name as SQL has it."""
    return '"' + name.replace('"', '""') + '"'


def literal(path: Path) -> str:
    """A path that stands for itself: what would be a pattern is put in brackets."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in str(path))


def page_of(index: Index, wanted: Filter) -> tuple[list[dict[str, Any]], int | None, int]:
    """The rows of a page with their number `n`, the number after which the next one begins (None: there is none), and
    how many texts were searched for them."""
    if wanted.q:
        return searched(index, wanted)
    numbers = numbers_of(index, wanted, PAGE + 1)
    return listed(index, numbers[:PAGE]), numbers[PAGE - 1] if len(numbers) > PAGE else None, 0


def searched(index: Index, wanted: Filter) -> tuple[list[dict[str, Any]], int | None, int]:
    """As `page_of`, for a text: goes over the filter's rows until a page is full or the time is up. Upper and lower
    case are alike."""
    until, found, seen, needle = time.monotonic() + SEARCH_SECONDS, [], 0, wanted.q.casefold()
    here: Filter = wanted
    while True:
        numbers = numbers_of(index, here, SEARCH_ROWS)
        texts = rows_at(index, numbers, ("body",))
        for number in numbers:
            seen += 1
            if needle in (texts[number].get("body") or "").casefold():
                found.append(number)
                if len(found) == PAGE:
                    return listed(index, found), number, seen
        if len(numbers) < SEARCH_ROWS:
            return listed(index, found), None, seen
        here = replace(here, after=numbers[-1])
        if time.monotonic() > until:
            return listed(index, found), numbers[-1], seen


def listed(index: Index, numbers: list[int]) -> list[dict[str, Any]]:
    """Rows in the order of some numbers: their texts, and what the index knows of them."""
    rows, known = rows_at(index, numbers), known_at(index, numbers)
    return [rows[number] | known[number] for number in numbers]
