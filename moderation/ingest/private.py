"""Batches of an ingest as they may be written."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pyarrow as pa

from moderation.ingest.batch import Batch
from moderation.privacy.privacy import Privacy

WITHHELD = b"[withheld for privacy]"


def private(batches: Iterator[Batch], privacy: Privacy | None) -> Iterator[Batch]:
    """The batches through what `privacy` asks for, if it is anything.

    Of broken lines nothing is kept but where they stand, why and how long they are: what cannot be parsed has no author
    to hash, and an address that is cut off or written as JSON escapes would not be found.
    """
    return batches if privacy is None else (made(batch, privacy) for batch in batches)


def made(batch: Batch, privacy: Privacy) -> Batch:
    """One batch."""
    names = [(name, name) for name in batch.table.schema.names]
    pieces, counts = [], Counter({"rows": 0})
    for piece in batch.table.to_batches():
        columns, done = privacy.applied(piece.columns, names)
        pieces.append(pa.RecordBatch.from_arrays(columns, schema=batch.table.schema))
        counts.update(summed(done))
    rejected = [line._replace(raw=WITHHELD) for line in batch.rejected]
    table = pa.Table.from_batches(pieces, batch.table.schema)
    return replace(batch, table=table, rejected=rejected, masked=counts)


def summed(done: pa.StructArray) -> dict[str, int]:
    """Rows in which something was done, and how many of each kind."""
    found = {field.name: np.asarray(column) for field, column in zip(done.type, done.flatten(), strict=True)}
    rows = int(np.any(list(found.values()), axis=0).sum())
    return {"rows": rows, **{name: int(column.sum()) for name, column in found.items()}}
