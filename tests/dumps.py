"""Small Parquet dumps for tests."""

from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

DAY = 1767571200  # 2026-01-05T00:00:00Z, as epoch seconds
NEXT_DAY = DAY + 86_400


def comment(id: str | None, body: str | None, created_utc: Any = DAY, **more: Any) -> dict[str, Any]:
    """A row of a dump."""
    return {"id": id, "body": body, "created_utc": created_utc, **more}


def write_dump(path: Path, rows: list[dict[str, Any]], schema: pa.Schema | None = None) -> Path:
    """Writes rows as one Parquet file and returns its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pa.Table.from_pylist(rows, schema=schema), path)
    return path


def text_array(values: list[bytes | None]) -> pa.Array:
    """A string column that holds any bytes, UTF-8 or not, as careless writers leave them."""
    binary = pa.array(values, pa.binary())
    return pa.Array.from_buffers(pa.string(), len(binary), binary.buffers(), binary.null_count)


def read_rows(output: Path, tree: str = "labelled") -> list[dict[str, Any]]:
    """Everything that is published below `output`, ordered by id (or by row in the quarantine)."""
    found: list[dict[str, Any]] = []
    for file in sorted((output / tree).glob("date=*/*.parquet")):
        day = file.parent.name.removeprefix("date=")
        found += [row | {"date": day} for row in parquet.ParquetFile(file).read().to_pylist()]
    return sorted(found, key=lambda row: (row.get("id") or "", row.get("row") or 0))
