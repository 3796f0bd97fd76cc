"""Parquet of other tools to rows of the one schema."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet, types

from moderation.errors import UsageError
from moderation.ingest.batch import Batch, Rejected, assemble, excerpt
from moderation.ingest.csvs import check_names
from moderation.ingest.fields import Kind, keys
from moderation.ingest.streams import Damaged, Meter
from moderation.ingest.values import plain

ROWS = 5_000  # of a batch: cells may be large


def read_parquet(meter: Meter, kind: Kind, mapping: Mapping[str, str]) -> Iterator[Batch]:
    """The rows of a Parquet file; raises `Damaged` where it cannot be read."""
    try:
        with parquet.ParquetFile(meter.path) as file:
            found = {name: key for name, key in keys(kind, mapping).items() if key in file.schema_arrow.names}
            check(meter.path, file.schema_arrow, keys(kind, mapping), kind)
            rows = 0
            for batch in file.iter_batches(ROWS, columns=list(dict.fromkeys(found.values()))):
                yield read(batch, found, kind, rows + 1)
                rows += len(batch)
                meter.done = meter.path.stat().st_size * rows // file.metadata.num_rows
    except (pa.ArrowException, OSError) as error:
        raise Damaged(f"not a readable Parquet file ({' '.join(str(error).split())[:200]})") from error


def read(batch: pa.RecordBatch, names: Mapping[str, str], kind: Kind, first: int) -> Batch:
    """The rows of a batch whose first row has that number."""
    values: dict[str, Any] = {name: batch.column(key) for name, key in names.items()}
    table, days, reasons, odd = assemble(values, len(batch), kind)
    rejected = [rejection(batch, place, first, reason) for place, reason in sorted(reasons.items())]
    return Batch(table, days, len(batch), 0, rejected, odd)


def rejection(batch: pa.RecordBatch, place: int, first: int, reason: str) -> Rejected:
    """What the quarantine has of a row: the columns that were read, as JSON."""
    cells = {name: cell(batch.column(name)[place]) for name in batch.schema.names}
    raw = json.dumps(cells, default=str, ensure_ascii=False).encode("utf-8", "replace")
    return Rejected(first + place, reason, excerpt(raw), len(raw))


def cell(value: pa.Scalar) -> Any:
    """A cell as Python has it; bytes that are no text with U+FFFD."""
    if types.is_string(value.type) or types.is_binary(value.type) or types.is_large_string(value.type):
        data = value.as_buffer()
        return None if data is None else data.to_pybytes().decode("utf-8", "replace")
    try:
        return value.as_py()
    except (ValueError, OverflowError):
        return str(value.cast(pa.int64())) if types.is_temporal(value.type) else "?"


def check(path: Path, schema: pa.Schema, wanted: Mapping[str, str], kind: Kind) -> None:
    """Refuses a file whose id or text is not there or of a type that cannot be one."""
    check_names(path, schema.names, wanted, kind)
    for name in ("id", "body", "title", "selftext"):
        if wanted.get(name) not in schema.names:
            continue
        type_ = schema.field(wanted[name]).type
        type_ = type_ if types.is_nested(type_) else plain(pa.nulls(0, type_)).type
        text = types.is_string(type_) or types.is_binary(type_)
        if not (text or (name == "id" and types.is_integer(type_))):
            raise UsageError(
                f"{path}: column '{wanted[name]}' holds {type_}, which cannot be the {name}; name another with --map"
            )
