"""The source of a run: a frame with one partition for each shard, its rows in order, its columns of one schema."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from moderation.errors import UsageError
from moderation.runs.conform import conform
from moderation.runs.entity_texts import with_texts
from moderation.runs.rows import shard_batches
from moderation.runs.store import Store, stored
from moderation.spark.layout import PLACE, Layout

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from moderation.runs.shards import Shard

Batches = Iterator[pa.RecordBatch]


def source(spark: "SparkSession", reader: "Reader") -> "DataFrame":
    """The rows of the reader's shards. Nothing is shuffled, so that what follows narrowly keeps partitions and order.

    Each task reads its shard with pyarrow, in batches of bounded size.
    """
    from pyspark.sql.pandas.types import from_arrow_schema

    count = len(reader.shards)
    numbers = spark.range(0, count, 1, count)  # a number, a partition
    return numbers.mapInArrow(reader.task(), from_arrow_schema(reader.schema))


@dataclass(frozen=True)
class Reader:
    """What a task needs to read a shard: the shards, the columns, and, to decide, the stored answers beside them."""

    shards: "Sequence[Shard]"
    layout: Layout
    store: Store | None = None
    answers: pa.Schema | None = None  # of the stored answers, entities with their texts

    @property
    def schema(self) -> pa.Schema:
        """The input's columns, where each row comes from, and the answers if any."""
        return pa.schema([*self.layout.schema, *PLACE.items(), *(self.answers or [])])

    def task(self) -> Callable[[Batches], Batches]:
        """The function that Spark calls: numbers of shards to rows."""

        def read(batches: Batches) -> Batches:
            for batch in batches:
                for number in batch.column(0).to_pylist():
                    yield from self.rows(number)

        return read

    def rows(self, number: int) -> Batches:
        """The rows of one shard, in order."""
        shard, schema = self.shards[number], self.schema
        answers = stored(self.store, shard) if self.store else None
        row = shard.start
        for batch in shard_batches(shard, list(self.layout.origin.values())):
            columns = self.columns(shard, batch) + place(shard, number, row, batch.num_rows)
            if answers is not None:
                columns += self.beside(batch, columns, answers.slice(row - shard.start, batch.num_rows))
            yield pa.RecordBatch.from_arrays(columns, schema=schema)
            row += batch.num_rows
        if row != shard.stop:
            raise UsageError(f"input {shard.path}: the file ends at row {row:,}, its footer says {shard.rows:,}")

    def columns(self, shard: "Shard", batch: pa.RecordBatch) -> list[pa.Array]:
        """The input's columns under our names and types; those that the file lacks are null."""
        folder = dict(shard.folder_values)
        made = []
        for field in self.layout.schema:
            name = self.layout.origin[field.name]
            if name in folder:
                made.append(pa.repeat(pa.scalar(folder[name], pa.string()), batch.num_rows))
            elif name in batch.schema.names:
                made.append(typed(shard, name, batch.column(name), field.type))
            else:
                made.append(pa.nulls(batch.num_rows, field.type))
        return made

    def beside(self, batch: pa.RecordBatch, columns: list[pa.Array], answers: pa.RecordBatch) -> list[pa.Array]:
        """The stored answers to a batch's rows, entities with the texts that they stand for in its bodies."""
        assert self.answers is not None
        bodies = columns[self.layout.schema.get_field_index("body")]
        whole = {"entities": with_texts(answers.column("entities"), bodies)}
        return [whole.get(field.name, answers.column(field.name)).cast(field.type) for field in self.answers]


def place(shard: "Shard", number: int, row: int, rows: int) -> list[pa.Array]:
    """Where the rows of a batch come from: the columns of `PLACE`."""
    import numpy as np

    return [
        pa.repeat(pa.scalar(number, pa.int32()), rows),
        pa.array(np.arange(row, row + rows, dtype=np.int64)),
        pa.repeat(shard.key, rows),
        pa.repeat(shard.uri, rows),
    ]


def typed(shard: "Shard", name: str, array: pa.Array, kind: pa.DataType) -> pa.Array:
    """A column of the type that all files share; raises `UsageError` for a value that it cannot hold exactly."""
    try:
        return conform(array, kind)
    except pa.ArrowException as error:
        raise UsageError(
            f"input {shard.path}: column '{name}' has a value of {array.type} that is not exact as {kind}, which other "
            "files have; run them one by one"
        ) from error
