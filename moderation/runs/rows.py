"""The rows of a shard, as Arrow batches of bounded size."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from moderation.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

    from moderation.runs.shards import Shard

BATCH_ROWS = 8192
BATCH_BYTES = 16 << 20
READ_BUFFER = 1 << 20  # bytes that are read at once from a column: a row group need not fit into memory


def shard_batches(shard: "Shard", columns: list[str]) -> Iterator["pa.RecordBatch"]:
    """The shard's rows in order, with those of the columns that its file has.

    Batches hold at most `BATCH_ROWS` rows and, where they hold more than one, about `BATCH_BYTES` at most. Raises
    `UsageError` where the file is damaged, gone, or no longer the one that the run began with.
    """
    import pyarrow

    check_same(shard)
    try:
        with open_parquet(Path(shard.path)) as file:
            here = [name for name in columns if name in file.schema_arrow.names]
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


def open_parquet(path: Path) -> "ParquetFile":
    """A Parquet file to be read as a stream; old Spark's timestamps (INT96) come as microseconds."""
    from pyarrow import parquet

    return parquet.ParquetFile(
        path,
        pre_buffer=False,
        buffer_size=READ_BUFFER,
        coerce_int96_timestamp_unit="us",
        page_checksum_verification=True,
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
    """A batch in halves, until each is small enough or a row by itself."""
    if batch.num_rows < 2 or batch.nbytes <= BATCH_BYTES:
        yield batch
        return
    half = batch.num_rows // 2
    yield from split(batch.slice(0, half))
    yield from split(batch.slice(half))


def short(error: Exception) -> str:
    """What a library says of a file, as the start of one line."""
    return " ".join(str(error).split())[:120]
