"""The schema of training data, checked: an error names the file, the column and the value.

Texts: a string column `text` (null or blank: the row is left out), label columns of 0, 1 or null (not judged), and
maybe a column `weight` of how much each row counts.
Sentences: `tokens`, a list of strings, and `tags`, as many BIO tags (null: the row is left out). Either may have a
column `split` of `train` and `dev`. Other columns may be there and are not read.
"""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from moderation.errors import UsageError

BIO = re.compile(r"O|[BI]-.+")
SHOWN = 40  # characters of a bad value that an error shows


def read_columns(path: Path, needed: list[str], optional: list[str]) -> pd.DataFrame:
    """The needed columns of a Parquet file and those of the optional ones that it has; `UsageError` otherwise."""
    import pyarrow as pa
    from pyarrow import parquet

    if not path.is_file():
        raise UsageError(f"training data {path}: no such file (name its folder with --data)")
    try:
        file = parquet.ParquetFile(path)
        there = file.schema_arrow.names
        check_columns(path, there, list(dict.fromkeys(needed)))
        table = file.read([*dict.fromkeys(needed), *(name for name in optional if name in there)])
    except (pa.ArrowInvalid, OSError) as error:
        raise UsageError(f"training data {path}: not a readable Parquet file ({one_line(error)})") from error
    return pd.DataFrame({name: values(table.column(name), f"{path}: column {name}") for name in table.column_names})


def check_columns(path: Path, there: list[str], needed: list[str]) -> None:
    """Raises `UsageError` where a column is missing or stands twice."""
    if missing := sorted(set(needed) - set(there)):
        raise UsageError(f"training data {path} has no column {', '.join(missing)}; it has {', '.join(there)}")
    if doubled := [name for name in needed if there.count(name) > 1]:
        raise UsageError(f"training data {path} has column {doubled[0]} {there.count(doubled[0])} times")


def values(column: Any, what: str) -> pd.Series:
    """An Arrow column as pandas has it; bytes that are no UTF-8 become U+FFFD."""
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    try:
        return column.to_pandas()
    except (UnicodeDecodeError, pa.ArrowException) as error:
        if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
            raise UsageError(f"training data {what} cannot be read ({one_line(error)})") from error
        raw = column.cast(pa.large_binary()).to_pylist()
        return pd.Series([None if text is None else text.decode("utf-8", "replace") for text in raw], dtype=object)


def with_text(rows: pd.DataFrame, path: Path) -> pd.DataFrame:
    """The rows that have a text; raises `UsageError` where the column holds anything but strings."""
    there = rows[rows["text"].notna()]
    odd = ~there["text"].map(lambda value: isinstance(value, str)).astype(bool)
    refuse(path, "text", there["text"], odd, "a text is a string or null")
    return there[there["text"].str.strip() != ""] if len(there) else there


def check_labels(rows: pd.DataFrame, columns: list[str], path: Path) -> None:
    """Raises `UsageError` for the first label that is not 0, 1 or null."""
    for column in columns:
        given = rows[column]
        number = pd.to_numeric(given.where(given.map(is_number)), errors="coerce")
        refuse(path, column, given, given.notna() & ~number.isin([0, 1]), "a label is 0, 1 or null (not judged)")


def check_weights(rows: pd.DataFrame, columns: list[str], path: Path) -> None:
    """Raises `UsageError` for the first weight that is no number above 0; columns that are not there are passed by."""
    for column in (name for name in columns if name in rows):
        number = pd.to_numeric(rows[column].where(rows[column].map(is_number)), errors="coerce")
        odd = ~(np.isfinite(number) & (number > 0))
        refuse(path, column, rows[column], odd, "a weight is a number above 0 (`weight` in a recipe names its column)")


def is_number(value: object) -> bool:
    """Whether a value is a number (or a truth value, which is 0 or 1); the text '1' is none."""
    return isinstance(value, (bool, int, float, np.number, np.bool_))


def with_tags(rows: pd.DataFrame, path: Path) -> pd.DataFrame:
    """The rows that have tokens and tags; raises `UsageError` where tags are no BIO or not as many as tokens."""
    there = rows[rows["tokens"].notna() & rows["tags"].notna()]
    for column, what in (("tokens", "tokens are a list of strings"), ("tags", "tags are a list of strings")):
        odd = there[column].map(lambda row: not is_strings(row)).astype(bool)
        refuse(path, column, there[column], odd, what)
    pairs = list(zip(there["tokens"], there["tags"], strict=True))
    if uneven := [(row, len(words), len(tags)) for row, (words, tags) in enumerate(pairs) if len(words) != len(tags)]:
        row, words, tags = uneven[0]
        raise UsageError(
            f"training data {path}: {len(uneven):,} rows have another number of tags than of tokens, the first of them "
            f"(row {there.index[row]}) {words} tokens and {tags} tags"
        )
    flat = pd.Series([tag for _, tags in pairs for tag in tags], dtype=object)
    refuse(path, "tags", flat, ~flat.map(lambda tag: bool(BIO.fullmatch(tag))).astype(bool), "a tag is O, B-X or I-X")
    return there[there["tokens"].map(len) > 0] if len(there) else there


def is_strings(row: object) -> bool:
    """Whether a cell is a list of strings, none of them null."""
    return isinstance(row, (list, np.ndarray)) and all(isinstance(item, str) for item in row)


def refuse(path: Path, column: str, given: pd.Series, odd: pd.Series, rule: str) -> None:
    """Raises `UsageError` with the first odd value and its count, where there is one."""
    if not odd.any():
        return
    found = [repr(value) for value in given[odd].tolist()]
    first, count = found[0], found.count(found[0])
    shown = first if len(first) <= SHOWN else first[:SHOWN] + "..."
    others = "" if count == len(found) else f", {len(found):,} such values in all"
    raise UsageError(f"training data {path}: column {column} holds {shown} ({count:,} times{others}): {rule}")


def one_line(error: Exception) -> str:
    """An error's message without line breaks."""
    return " ".join(str(error).split())
