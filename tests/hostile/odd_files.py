"""Parquet files that are sound, and not what a run expects: types, names and numbers of columns."""

import datetime
from pathlib import Path

import pyarrow as pa

from tests.dumps import DAY, text_array
from tests.hostile.cases import Case, Maker, as_file, ordinary, write

ODD_NAMES = (
    "a.b",
    "`tick`",
    "line\nbreak",
    "😀",
    " ",
    "a,b;{}()=\t",
    "'quote\"",
    "SELECT 1",
    "../up",
    "%2F",
    "naïve",
    "x" * 300,
)

OWN_NAMES = (
    *("labels", "input_labels", "date", "status", "run_id", "moderation", "work", "_metadata"),
    *("input_key", "input_row", "input_uri", "input_reason"),
)


def with_body(values: pa.Array) -> pa.Table:
    """A table of as many rows as there are bodies."""
    return pa.table({"id": [f"row{number}" for number in range(len(values))], "body": values})


def with_id(values: pa.Array) -> pa.Table:
    return pa.table({"id": values, "body": ["hello you"] * len(values)})


def with_columns(*names: str) -> pa.Table:
    """An ordinary small table with more columns, of text."""
    table = ordinary(10)
    for name in names:
        table = table.append_column(name, pa.array([f"of {name} {number}" for number in range(10)]))
    return table


def two(one: pa.Table, other: pa.Table, names: tuple[str, str] = ("a.parquet", "b.parquet")) -> Maker:
    """A maker of two files in one folder."""

    def make(folder: Path) -> Path:
        for table, name in zip((one, other), names, strict=True):
            write(table, folder / name)
        return folder

    return make


def deep(levels: int) -> pa.Array:
    """One text in lists in lists in lists."""
    value: object = "x"
    kind = pa.string()
    for _ in range(levels):
        value, kind = [value], pa.list_(kind)
    return pa.array([value], kind)


def below(*folders: str) -> Maker:
    """A maker of a file of ten rows in each of these folders."""

    def make(folder: Path) -> Path:
        for number, name in enumerate(folders):
            write(with_id(pa.array([f"{number}-{row}" for row in range(10)])), folder / name / "x.parquet")
        return folder

    return make


def bomb(rows: int) -> pa.Table:
    """A megabyte of text, once in the file, and in every row."""
    numbers = pa.array([0] * rows, pa.int32())
    bodies = pa.DictionaryArray.from_arrays(numbers, pa.array(["x" * 1_000_000]))
    return with_id(pa.array([f"row{row}" for row in range(rows)])).set_column(1, "body", bodies)


def one_huge(size: int) -> pa.Table:
    """A text of this size among small ones."""
    return with_body(pa.array(["before", "y" * size, "after"]))


def beside_nothing(folder: Path) -> Path:
    """A good file, and one of zero bytes."""
    write(ordinary(10), folder / "a.parquet")
    (folder / "c.parquet").touch()
    return folder


MAP = pa.map_(pa.string(), pa.string())
NO_TEXT = "not text; name another with columns.body"
NO_ID = "which cannot be an id"
FOUND = [
    Case("bodies that are whole numbers", as_file(lambda: with_body(pa.array([1, 2]))), 2, NO_TEXT),
    Case("bodies that are fractions and NaN", as_file(lambda: with_body(pa.array([1.5, float("nan")]))), 2, NO_TEXT),
    Case("bodies that are booleans", as_file(lambda: with_body(pa.array([True, False]))), 2, NO_TEXT),
    Case(
        "bodies that are timestamps", as_file(lambda: with_body(pa.array([datetime.datetime(2026, 1, 5)]))), 2, NO_TEXT
    ),
    Case("bodies that are lists", as_file(lambda: with_body(pa.array([["x", "y"]]))), 2, NO_TEXT),
    Case("bodies that are structs", as_file(lambda: with_body(pa.array([{"text": "x"}]))), 2, NO_TEXT),
    Case("bodies that are maps", as_file(lambda: with_body(pa.array([[("k", "v")]], MAP))), 2, NO_TEXT),
    Case("bodies in thirty lists, one in the other", as_file(lambda: with_body(deep(30))), 2, NO_TEXT),
    Case("ids that are fractions and NaN", as_file(lambda: with_id(pa.array([1.0, float("nan")]))), 2, NO_ID),
    Case("ids that are lists", as_file(lambda: with_id(pa.array([["1"]]))), 2, NO_ID),
    Case("ids that are structs", as_file(lambda: with_id(pa.array([{"id": "1"}]))), 2, NO_ID),
    Case("ids that are booleans", as_file(lambda: with_id(pa.array([True]))), 2, NO_ID),
    Case("no column for the text", as_file(lambda: ordinary(5).drop_columns(["body"])), 2, "no column 'body'"),
    Case("no column for the id", as_file(lambda: ordinary(5).drop_columns(["id"])), 2, "no column 'id'"),
    Case(
        "a column called 'Body' and none called 'body'",
        as_file(lambda: ordinary(5).rename_columns(["id", "Body", "t"])),
        2,
        "no column 'body'",
    ),
    Case(
        "two columns called 'body'",
        as_file(lambda: ordinary(5).rename_columns(["id", "body", "body"])),
        2,
        "two columns are called 'body'",
    ),
    Case(
        "columns in a hundred lists, one in the other",
        as_file(lambda: ordinary(1).append_column("x", deep(100))),
        2,
        "not a readable Parquet file",
    ),
    Case("ids that are days", as_file(lambda: with_id(pa.array([datetime.date(2026, 1, 5)]))), 2, NO_ID),
    Case(
        "a column that is text in one file and a struct in the next",
        two(with_columns("x"), ordinary(10, 10).append_column("x", pa.array([{"y": 1}] * 10))),
        2,
        "column 'x' holds",
        names="b.parquet",
    ),
    Case(
        "a file with rows beside one of zero bytes", beside_nothing, 2, "not a readable Parquet file", names="c.parquet"
    ),
]
ODD_TYPES = {
    "text, large": pa.array(["a", None], pa.large_string()),
    "text by number": pa.array(["a", None]).dictionary_encode(),
    "text, view": pa.array(["a", None], pa.string_view()),
    "text, not UTF-8": text_array([b"\xff\xfe", b"\xed\xa0\x80"]),
    "unsigned bytes": pa.array([255, None], pa.uint8()),
    "unsigned, 64 bits": pa.array([2**64 - 1, None], pa.uint64()),
    "half floats": pa.array([1.5, float("nan")], pa.float16()),
    "fractions": pa.array([float("inf"), float("nan")]),
    "decimals": pa.array([None, 10**30], pa.decimal128(38, 0)),
    "days": pa.array([datetime.date(1, 1, 1), None], pa.date32()),
    "times of day": pa.array([1, None], pa.time64("ns")),
    "nanoseconds": pa.array([2**62, -(2**62)], pa.timestamp("ns")),
    "durations": pa.array([1, None], pa.duration("us")),
    "nothing": pa.nulls(2),
    "bytes": pa.array([b"\x00\xff", None]),
    "sixteen bytes": pa.array([b"\x00" * 16, None], pa.binary(16)),
    "lists of structs": pa.array([[{"a": 1}], None]),
    "maps": pa.array([[("k", "v")], None], MAP),
}


def odd_types() -> pa.Table:
    """Columns of all types that Parquet has, beside the ones that matter."""
    return pa.table({"id": ["1", "2"], "body": ["hello", "you"], "created_utc": [DAY, DAY], **ODD_TYPES})


READ = [
    Case(
        "a bomb: 400 rows of a megabyte each in a few kilobytes",
        as_file(lambda: bomb(400), compression="zstd", store_schema=False),
        0,
        counts=(400, 0),
        why="read in pieces of 16 MB",
    ),
    Case(
        "a text of 50 MB",
        as_file(lambda: one_huge(50_000_000)),
        0,
        counts=(3, 0),
        why="read in a piece of its own; to score it, give Spark's JVM more than 1 GB (`spark.driver.memory`): with "
        "that much the JVM died in one of two tries",
    ),
    Case(
        "folders that give different columns (`a=1/`, `b=2/c=%2F/`), and one the file has (`n=3/`)",
        below("a=1", "b=2/c=%2F", "n=3", "date=2020-01-01"),
        0,
        counts=(40, 0),
        why="null where a folder gives none; `date` is computed from the rows",
    ),
    Case(
        "columns with dots, quotes, line breaks, emoji in their names",
        as_file(lambda: with_columns(*ODD_NAMES)),
        0,
        counts=(10, 0),
        why="carried through under their names",
    ),
    Case(
        "columns of every type that Parquet has",
        as_file(odd_types),
        0,
        counts=(2, 0),
        why="carried through; types that Spark lacks become the nearest that it has",
    ),
    Case(
        "1,000 columns",
        as_file(lambda: with_columns(*[f"c{number}" for number in range(997)])),
        0,
        counts=(10, 0),
        why="carried through",
    ),
    Case(
        "columns that are called like those of the result and of the run",
        as_file(lambda: with_columns(*OWN_NAMES)),
        0,
        counts=(10, 0),
        why="carried through with `input_` before the names that clash",
    ),
    Case(
        "columns that differ in case only",
        as_file(lambda: with_columns("Body", "BODY", "Id", "Labels", "DATE")),
        0,
        counts=(10, 0),
        why="each carried through under its name",
    ),
    Case(
        "ids that are whole numbers in one file and text in the next",
        two(with_id(pa.array([1, 2])), with_id(pa.array(["3", "x"]))),
        0,
        counts=(4, 0),
        why="all ids are text",
    ),
    Case(
        "times that are numbers in one file and text in the next",
        two(ordinary(5), ordinary(5, 5).set_column(2, "created_utc", pa.array(["2026-01-05"] * 5))),
        0,
        counts=(10, 0),
    ),
    Case(
        "columns that the next file lacks",
        two(with_columns("x"), ordinary(5, 10)),
        0,
        counts=(15, 0),
        why="null where a file lacks them",
    ),
    Case("a file without rows beside one with rows", two(ordinary(10), ordinary(0)), 0, counts=(10, 0)),
    Case(
        "the same id twice in a file",
        as_file(lambda: pa.concat_tables([ordinary(5), ordinary(1)])),
        3,
        "Every id occurs once",
        names="",
    ),
    Case("the same id in two files", two(ordinary(5), ordinary(5, 4)), 3, "Every id occurs once", names=""),
]
