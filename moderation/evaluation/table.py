"""Labelled Parquet as an Arrow table: the columns that are asked for, the rows that are chosen."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from moderation.errors import UsageError

ROW = "__row__"  # the number of each row in its file, so that messages can name it
SHOWN = 12  # values or columns that a message lists


def read_schema(path: Path) -> pa.Schema:
    """The columns of a Parquet file; raises `UsageError` where it is none."""
    if not path.is_file():
        raise UsageError(f"data {path}: no such file")
    try:
        return pq.read_schema(path)
    except (pa.ArrowException, OSError) as error:
        raise UsageError(f"data {path}: cannot be read as Parquet ({one_line(error)})") from error


def read_table(path: Path, columns: Sequence[str]) -> pa.Table:
    """Columns of a Parquet file, with the rows' numbers beside them; raises `UsageError` that names what is missing."""
    schema = read_schema(path)
    if missing := sorted(set(columns) - set(schema.names)):
        raise UsageError(f"data {path} has no column {', '.join(missing)}; it has {listed(schema.names)}")
    if doubled := sorted({name for name in columns if schema.names.count(name) > 1}):
        raise UsageError(f"data {path} has two columns {', '.join(doubled)}")
    try:
        table = pq.read_table(path, columns=sorted(set(columns)))
    except (pa.ArrowException, OSError) as error:
        raise UsageError(f"data {path}: cannot be read as Parquet ({one_line(error)})") from error
    if not table.num_rows:
        raise UsageError(f"data {path} holds no rows")
    return table.append_column(ROW, pa.array(np.arange(table.num_rows)))


def chosen(table: pa.Table, where: dict[str, list[str]], path: Path) -> pa.Table:
    """The rows whose columns hold one of the wanted values, written as text (`true`, `2`, `dev`)."""
    for column, values in where.items():
        written = as_text(table[column], column, path)
        found = table.filter(pc.is_in(written, pa.array(values, pa.string())))
        if not found.num_rows:
            there = sorted({str(value) for value in pc.unique(written).to_pylist() if value is not None})
            wanted = " or ".join(values)
            raise UsageError(f"data {path} has no row left where {column} is {wanted}; it is {listed(there)}")
        table = found
    return table


def sample(table: pa.Table, limit: int | None, seed: int) -> pa.Table:
    """At most so many rows, drawn at random, in their order."""
    if limit is None or table.num_rows <= limit:
        return table
    return table.take(np.sort(np.random.default_rng(seed).choice(table.num_rows, limit, replace=False)))


def as_text(column: pa.ChunkedArray, name: str, path: Path) -> pa.ChunkedArray:
    """A column's values as strings; raises `UsageError` for lists, structs and other values without a short form."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        raise UsageError(f"data {path}: column {name} holds {kind}, by which no rows can be told apart")
    return column.cast(kind).cast(pa.string())


def texts(table: pa.Table, name: str, path: Path) -> list[str | None]:
    """A column of strings; bytes that are no UTF-8 (lone surrogates, say) become U+FFFD."""
    column = table[name]
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)):
        raise UsageError(f"data {path}: column {name} holds {column.type}, not text (name the text column with --text)")
    raw = column.cast(kind).cast(pa.large_binary()).to_pylist()
    return [None if value is None else value.decode("utf-8", "replace") for value in raw]


def judgements(table: pa.Table, name: str, path: Path) -> np.ndarray:
    """A column of 0 and 1 (numbers or booleans) as float64 [rows]; null and NaN are NaN: not judged.

    Raises `UsageError` that names another value and how many rows hold one.
    """
    column = table[name]
    if not (pa.types.is_boolean(kind := column.type) or pa.types.is_null(kind) or numeric(kind)):
        raise UsageError(f"data {path}: column {name} holds {kind}, not 0, 1 or null")
    values = column.cast(pa.float64(), safe=False).to_numpy()
    values = np.asarray(values, np.float64)
    odd = ~np.isin(values, (0, 1)) & ~np.isnan(values)
    if odd.any():
        raise UsageError(
            f"data {path}: column {name} holds {values[odd][0]:g}, not 0, 1 or null ({odd.sum():,} such rows): "
            "round soft labels first"
        )
    return values


def numeric(kind: pa.DataType) -> bool:
    """Whether a type is of numbers."""
    return pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)


def listed(values: Sequence[str]) -> str:
    """A few values, and how many more there are."""
    more = f" and {len(values) - SHOWN} more" if len(values) > SHOWN else ""
    return ", ".join(value[:40] for value in values[:SHOWN]) + more


def one_line(error: Exception) -> str:
    """An error's message without line breaks."""
    return " ".join(str(error).split())
