"""A scoring task: shards' bodies to answers, and each shard's answers into the score store in one step."""

from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from moderation.inference.devices import running
from moderation.inference.work import Work
from moderation.runs.store import Store, commit, work_of
from moderation.spark.cluster import check_seen
from moderation.spark.collector import lasting
from moderation.spark.schema import moderation_type, stored_schema, work_type
from moderation.spark.session import workers_of_their_own
from moderation.spark.worker import Scorer, struct, task_device, whereabouts

if TYPE_CHECKING:
    from pyspark.sql import DataFrame
    from pyspark.sql.types import StructType

    from moderation.runs.shards import Shard

Batches = Iterator[pa.RecordBatch]
COUNTS = ("rows", "scored", "tokens")


def committed(
    rows: "DataFrame", store: Store, shards: "Sequence[Shard]", scorer: Scorer, about: dict[str, Any]
) -> "DataFrame":
    """Scores the rows of shards and commits each shard's answers; gives a receipt for each, with what it took.

    `rows` has the columns `input_shard`, `input_row` and `body`; a partition holds whole shards, one after the other,
    the rows of each in order. `about` goes into the files' metadata.

    The worker that scores also writes: to hand the answers to another, through Spark, took more than writing them. It
    runs no other function: one model a core, also where other Python functions stand in the same plan.
    """

    def write(batches: Batches) -> Batches:
        yield from receipts(batches, store, shards, scorer, about)
        lasting()

    with workers_of_their_own("scoring"):
        return rows.mapInArrow(write, receipt_type())


def receipts(
    batches: Batches, store: Store, shards: "Sequence[Shard]", scorer: Scorer, about: dict[str, Any]
) -> Batches:
    """Commits the shards that the batches hold, one after the other; gives what each took as soon as it is committed.

    A shard that an earlier try of the task has committed is left alone. Raises rather than commit where rows are not
    in order, or not all there.
    """
    from pyspark.sql.pandas.types import to_arrow_schema

    check_seen([("output", store.folder)])  # before anything is scored: it could be kept nowhere
    schema, kinds = stored_schema(scorer.panel), to_arrow_schema(receipt_type())
    device, models = task_device(scorer.device), scorer.panel.sources
    about = about | {"task": {**whereabouts(scorer.device), **running(scorer.precision, device, models)}}
    for number, rows in by_shard(batches):
        shard = shards[number]
        receipt = work_of(store, shard)
        if receipt is None:
            receipt = dict.fromkeys(kinds.names, 0)
            scored = scorer.answers(bodies(checked(shard, rows)))
            commit(store, shard, schema, (kept(added(receipt, *answer), schema) for answer in scored), about, receipt)
        yield pa.RecordBatch.from_pylist([receipt], kinds)


def answered(rows: "DataFrame", shard: "Shard", scorer: Scorer) -> "DataFrame":
    """The answers to a shard's rows, as a task of `committed` comes to them, as `input_row` and `moderation`."""
    from pyspark.sql import types as t

    kinds = [
        t.StructField("input_row", t.LongType()),
        t.StructField("moderation", moderation_type(scorer.panel)),
    ]

    def answer(batches: Batches) -> Batches:
        row = shard.start
        for fields, *_ in scorer.answers(bodies(checked(shard, batches))):
            found = struct(fields)
            numbers = pa.arange(row, row + len(found))
            yield pa.RecordBatch.from_arrays([numbers, found], names=[kind.name for kind in kinds])
            row += len(found)

    with workers_of_their_own("scoring"):
        return rows.mapInArrow(answer, t.StructType(kinds))


def receipt_type() -> "StructType":
    """Rows, scored rows and tokens of a shard, and what scoring them took."""
    from pyspark.sql import types as t

    return t.StructType([*[t.StructField(name, t.LongType()) for name in COUNTS], *work_type().fields])


def by_shard(batches: Batches) -> Iterator[tuple[int, Batches]]:
    """The rows of each shard, as they follow one another."""
    return groupby(pieces(batches), lambda piece: piece.column("input_shard")[0].as_py())


def pieces(batches: Batches) -> Batches:
    """The batches, cut where shards meet."""
    for batch in batches:
        changes = np.flatnonzero(np.diff(np.asarray(batch.column("input_shard")))) + 1
        for start, stop in pairwise([0, *changes.tolist(), batch.num_rows]):
            if start < stop:
                yield batch.slice(start, stop - start)


def checked(shard: "Shard", batches: Batches) -> Batches:
    """The batches of a shard, if its rows are in order; that they are all there, the store checks."""
    row = shard.start
    for batch in batches:
        if not batch.column("input_row").equals(pa.arange(row, row + batch.num_rows)):
            raise RuntimeError(f"rows of {shard.name} came in another order at row {row:,}")
        yield batch
        row += batch.num_rows


def bodies(batches: Batches) -> Iterator[str | None]:
    """The bodies of all batches."""
    return (body for batch in batches for body in batch.column("body").to_pylist())


def added(receipt: dict[str, Any], fields: dict[str, pa.Array], work: Work, load_seconds: float) -> dict[str, pa.Array]:
    """Adds what a batch took to the receipt; returns its answers."""
    status = fields["status"]
    found = {
        "rows": len(status),
        "scored": pc.sum(pc.equal(status, "scored")).as_py() or 0,
        "tokens": pc.sum(fields["token_count"]).as_py() or 0,
        "load_seconds": load_seconds,
        **vars(work),
    }
    for name, value in found.items():
        receipt[name] += value
    return fields


def kept(answers: dict[str, pa.Array], schema: pa.Schema) -> pa.RecordBatch:
    """The columns that the store keeps: what the policy does not decide anew, and no text."""
    columns = {**answers, "entities": without_texts(answers["entities"])}
    return pa.RecordBatch.from_arrays([columns[field.name].cast(field.type) for field in schema], schema=schema)


def without_texts(entities: pa.ListArray) -> pa.ListArray:
    """Entities by their offsets, types and scores."""
    lengths = np.asarray(pc.fill_null(entities.value_lengths(), 0))
    flat = entities.flatten()
    names = [field.name for field in flat.type if field.name != "text"]
    items = pa.StructArray.from_arrays([flat.field(name) for name in names], names)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), items, mask=entities.is_null())
