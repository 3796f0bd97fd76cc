"""The end of a scoring task: a shard's answers into the score store, in one step."""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from moderation.inference.devices import Device, resolved
from moderation.models.spec import LabelSet
from moderation.runs.store import Store, commit
from moderation.spark.cluster import check_seen
from moderation.spark.schema import stored_schema, work_type
from moderation.spark.worker import task_device, whereabouts

if TYPE_CHECKING:
    from pyspark.sql import DataFrame
    from pyspark.sql.types import StructType

    from moderation.runs.shards import Shard

Batches = Iterator[pa.RecordBatch]
COUNTS = ("rows", "scored", "tokens")


def committed(
    scored: "DataFrame",
    store: Store,
    shards: "Sequence[Shard]",
    known: LabelSet,
    about: dict[str, Any],
    device: Device,
) -> "DataFrame":
    """Commits each partition's answers as those of one shard; gives a receipt for each, with what it took.

    `scored` has the columns `input_shard`, `input_row` and `moderation`; a partition is a shard, its rows in order: a
    task that finds them otherwise fails rather than commit. `about` goes into the files' metadata.
    """
    from pyspark.sql.pandas.types import to_arrow_schema

    schema, kinds = stored_schema(known), receipt_type()
    receipts = to_arrow_schema(kinds)

    def write(batches: Batches) -> Batches:
        check_seen([("output", store.folder)])  # before anything is scored: it could be kept nowhere
        first = next(batches, None)
        if first is None:
            return
        shard, receipt = shards[first.column("input_shard")[0].as_py()], dict.fromkeys(kinds.names, 0)
        rows = checked(shard, first, batches)
        answers = (kept(added(receipt, batch), schema) for batch in rows)
        task = {**whereabouts(device), **resolved(about["precision"], task_device(device))}
        commit(store, shard, schema, answers, {**about, "task": task}, receipt)
        yield pa.RecordBatch.from_pylist([receipt], receipts)

    return scored.mapInArrow(write, kinds)


def receipt_type() -> "StructType":
    """Rows, scored rows and tokens of a shard, and what scoring them took."""
    from pyspark.sql import types as t

    return t.StructType([*[t.StructField(name, t.LongType()) for name in COUNTS], *work_type().fields])


def checked(shard: "Shard", first: pa.RecordBatch, rest: Batches) -> Batches:
    """The batches, if their rows are those of one shard, one after the other."""
    number, row = first.column("input_shard")[0], shard.start
    for batch in chain([first], rest):
        following = pa.arange(row, row + batch.num_rows)
        if not (batch.column("input_row").equals(following) and pc.all(pc.equal(batch.column(0), number)).as_py()):
            raise RuntimeError(f"rows of {shard.name} came in another order at row {row:,}")
        yield batch
        row += batch.num_rows


def added(receipt: dict[str, Any], batch: pa.RecordBatch) -> pa.StructArray:
    """Adds what a batch took to the receipt; returns its answers."""
    answers = batch.column("moderation")
    receipt["rows"] += len(answers)
    receipt["scored"] += pc.sum(pc.equal(answers.field("status"), "scored")).as_py() or 0
    receipt["tokens"] += pc.sum(answers.field("token_count")).as_py() or 0
    work = answers.field("work")
    for field in work.type:
        receipt[field.name] += pc.sum(work.field(field.name).filter(work.is_valid())).as_py() or 0
    return answers


def kept(answers: pa.StructArray, schema: pa.Schema) -> pa.RecordBatch:
    """The columns that the store keeps: what the policy does not decide anew, and no text."""
    columns = [answers.field(field.name) for field in schema]
    entities = schema.get_field_index("entities")
    columns[entities] = without_texts(columns[entities])
    return pa.RecordBatch.from_arrays(
        [column.cast(field.type) for column, field in zip(columns, schema, strict=True)], schema=schema
    )


def without_texts(entities: pa.ListArray) -> pa.ListArray:
    """Entities by their offsets, types and scores."""
    lengths = np.asarray(pc.fill_null(entities.value_lengths(), 0))
    flat = entities.flatten()
    names = [field.name for field in flat.type if field.name != "text"]
    items = pa.StructArray.from_arrays([flat.field(name) for name in names], names)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), items, mask=entities.is_null())
