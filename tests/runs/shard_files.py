"""Parquet files and their shards for tests without Spark."""

from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from moderation.config import Columns
from moderation.runs.inputs import find_inputs
from moderation.runs.shards import Shard, shards_of

SCHEMA = pa.schema({"status": pa.string(), "tokens": pa.int32()})


def write_table(path: Path, columns: dict[str, pa.Array], rows_per_group: int = 1000) -> Path:
    """A Parquet file of these columns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pa.table(columns), path, row_group_size=rows_per_group)
    return path


def shards(*paths: Path) -> list[Shard]:
    """The shards of these files."""
    return shards_of(find_inputs(list(paths), Columns()))


def numbered(rows: int) -> dict[str, pa.Array]:
    """Comments whose ids are their positions."""
    return {"id": pa.array(map(str, range(rows))), "body": pa.array([f"text {row}" for row in range(rows)])}


def answers(rows: int) -> list[pa.RecordBatch]:
    """As many answers as rows, in two batches."""
    half = rows // 2
    return [
        pa.RecordBatch.from_pydict({"status": ["scored"] * count, "tokens": list(range(count))}, SCHEMA)
        for count in (half, rows - half)
    ]
