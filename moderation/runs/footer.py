"""What a Parquet footer must not say: lies that cost hours when they come out in the middle of a run."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from moderation.errors import UsageError

if TYPE_CHECKING:
    from pyarrow.parquet import ColumnChunkMetaData, FileMetaData

    from moderation.config import Columns

SIGNATURE = 28  # bytes: a nonce of 12 and a tag of 16, see Encryption.md of the Parquet format
MAGIC = b"PAR1"
MOST_ROWS_PER_BYTE = 100  # ids differ from row to row: no dump comes near it


def check_footer(path: Path, footer: "FileMetaData", columns: "Columns", size: int) -> None:
    """Refuses a footer whose counts contradict each other or the file's size (bytes).

    Also one with a signature: its columns are encrypted, and asking pyarrow for them would end this process.
    """
    if footer_bytes(path) == footer.serialized_size + SIGNATURE:
        raise UsageError(f"input {path}: holds encrypted columns, which cannot be read here; decrypt it first")
    if footer.num_rows > MOST_ROWS_PER_BYTE * size:
        raise UsageError(
            f"input {path}: says that it holds {footer.num_rows:,} rows in {size:,} bytes, more than any dump does"
        )
    counts = [footer.row_group(group).num_rows for group in range(footer.num_row_groups)]
    if sum(counts) != footer.num_rows or min(counts, default=0) < 0:
        raise UsageError(
            f"input {path}: the footer contradicts itself ({footer.num_rows:,} rows, but {sum(counts):,} in its "
            f"{len(counts)} row groups)"
        )
    leaves = {footer.schema.column(leaf).path: leaf for leaf in range(len(footer.schema))}
    for group, rows in enumerate(counts):
        for name in {columns.id, columns.body} & set(leaves):
            check_chunk(path, f"row group {group}", rows, footer.row_group(group).column(leaves[name]), size)


def footer_bytes(path: Path) -> int:
    """The length of a file's footer, as its last bytes but four say."""
    with path.open("rb") as file:
        file.seek(-8, os.SEEK_END)
        return int.from_bytes(file.read(4), "little")


def check_chunk(path: Path, group: str, rows: int, chunk: "ColumnChunkMetaData", size: int) -> None:
    """Refuses a column chunk of a flat column that has not a value for each row, or is not inside the file."""
    name = chunk.path_in_schema
    if chunk.num_values != rows:
        raise UsageError(
            f"input {path}: the footer contradicts itself ({group} has {rows:,} rows, but {chunk.num_values:,} values "
            f"of '{name}')"
        )
    start = chunk.dictionary_page_offset if chunk.has_dictionary_page else chunk.data_page_offset
    if start < len(MAGIC) or start + chunk.total_compressed_size > size:
        raise UsageError(f"input {path}: {group} has values of '{name}' beyond the end of the file, which is cut off")
