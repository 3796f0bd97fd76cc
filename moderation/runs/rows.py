"""The rows of a shard, as Arrow batches of bounded size."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from moderation.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

    from moderation.runs.shards import Shard

BATCH_ROWS = 8192
BATCH_BYTES = 16 << 20
OFFSET = 5  # bytes of a text beside its own: where it begins, and whether it is null
READ_BUFFER = 1 << 20  # bytes that are read at once from a column: a row group need not fit into memory


def shard_batches(shard: "Shard", columns: list[str]) -> Iterator["pa.RecordBatch"]:
    """The shard's rows in order, with those of the columns that its file has.

    Batches hold at most `BATCH_ROWS` rows and, where they hold more than one, about `BATCH_BYTES` at most. Raises
    `UsageError` where the file is damaged, gone, or no longer the one that the run began with.
    """
    import pyarrow

    from moderation.runs.types import is_text

    check_same(shard)
    try:
        with open_parquet(Path(shard.path)) as footer:
            here = [name for name in columns if name in footer.schema_arrow.names]
            texts = [name for name in here if is_text(footer.schema_arrow.field(name).type)]
        with open_parquet(Path(shard.path), texts) as file:
            for batch in row_range(file, shard.start, shard.stop, here):
                yield from split(batch.select(here))
    except (OSError, pyarrow.ArrowException) as error:
        raise UsageError(
            f"input {shard.path}: the file is damaged and cannot be read to its end ({short(error)})"
        ) from error
    check_same(shard)


def check_same(shard: "Shard") -> None:
    """Refuses a file that changed since its digest was taken: scores are kept under the digest."""
    try:
        now = Path(shard.path).stat()
    except OSError as error:
        raise UsageError(f"input {shard.path}: cannot be read any more ({error.strerror})") from error
    if (now.st_size, now.st_mtime_ns) != (shard.size, shard.mtime_ns):
        raise UsageError(f"input {shard.path}: the file changed while the run was reading it; run again")


def open_parquet(path: Path, by_number: Sequence[str] = ()) -> "ParquetFile":
    """A Parquet file to be read as a stream; old Spark's timestamps (INT96) come as microseconds.

    Columns `by_number` come as the file may have them, each value once and its number in the rows: a few kilobytes can
    stand for gigabytes of text, which nobody should decode at once.
    """
    from pyarrow import parquet

    return parquet.ParquetFile(
        path,
        pre_buffer=False,
        buffer_size=READ_BUFFER,
        coerce_int96_timestamp_unit="us",
        page_checksum_verification=True,
        read_dictionary=list(by_number),
    )


def row_range(file: "ParquetFile", start: int, stop: int, columns: list[str]) -> Iterator["pa.RecordBatch"]:
    """Rows [start, stop) of a file; row groups outside are not touched."""
    first = 0
    for number in range(file.metadata.num_row_groups):
        group = file.metadata.row_group(number)
        low, high = max(start - first, 0), min(stop - first, group.num_rows)
        first += group.num_rows
        position = 0
        if low >= high:
            continue
        for batch in file.iter_batches(rows_at_once(group), [number], columns, use_threads=False):
            begin, end = max(low - position, 0), min(high - position, batch.num_rows)
            position += batch.num_rows
            if begin < end:
                yield batch.slice(begin, end - begin)
            if position >= high:
                break


def rows_at_once(group: "pa.parquet.RowGroupMetaData") -> int:
    """How many rows to decode at once: by the row group's mean size of a row."""
    mean = max(group.total_byte_size, 1) / max(group.num_rows, 1)
    return max(1, min(BATCH_ROWS, int(BATCH_BYTES / mean)))


def split(batch: "pa.RecordBatch") -> Iterator["pa.RecordBatch"]:
    """A batch in pieces of at most `BATCH_BYTES`, or of a row by itself; what came by number is decoded then."""
    reach = np.cumsum(row_bytes(batch))
    start = 0
    while start < batch.num_rows:
        before = reach[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(reach, before + BATCH_BYTES, "right")))
        yield decoded(batch.slice(start, stop - start))
        start = stop


def decoded(batch: "pa.RecordBatch") -> "pa.RecordBatch":
    """A batch with values in the place of numbers."""
    import pyarrow as pa

    columns = [
        column.dictionary_decode() if isinstance(column, pa.DictionaryArray) else column for column in batch.columns
    ]
    return pa.RecordBatch.from_arrays(columns, batch.schema.names)


def row_bytes(batch: "pa.RecordBatch") -> np.ndarray:
    """Bytes of each row: texts by their own lengths, of other columns the mean."""
    import pyarrow as pa
    import pyarrow.compute as pc

    total = np.zeros(batch.num_rows)
    for column in batch.columns:
        if isinstance(column, pa.DictionaryArray) and has_length(column.dictionary.type):
            lengths = pc.binary_length(column.dictionary).take(column.indices)
            total += OFFSET + np.asarray(pc.fill_null(lengths, 0))
        elif has_length(column.type):
            total += OFFSET + np.asarray(pc.fill_null(pc.binary_length(column), 0))
        else:
            total += column.nbytes / max(batch.num_rows, 1)
    return total


def has_length(kind: "pa.DataType") -> bool:
    """Whether a type is of texts or bytes whose lengths Arrow tells."""
    from pyarrow import types

    return any(
        check(kind) for check in (types.is_string, types.is_large_string, types.is_binary, types.is_large_binary)
    )


def short(error: Exception) -> str:
    """What a library says of a file, as the start of one line."""
    return " ".join(str(error).split())[:120]
