"""The source of a run: a frame with one partition for each shard, its rows in order, its columns of one schema."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pyarrow as pa

from moderation.errors import UsageError
from moderation.runs.conform import conform
from moderation.runs.entity_texts import with_texts
from moderation.runs.rows import shard_batches
from moderation.runs.store import Store, stored
from moderation.spark.collector import lasting
from moderation.spark.layout import Layout

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from moderation.runs.shards import Shard

Batches = Iterator[pa.RecordBatch]


def source(spark: "SparkSession", reader: "Reader") -> "DataFrame":
    """The rows of the reader's shards, a partition for each of its parts. Nothing is shuffled, so that what follows
    narrowly keeps partitions and order.

    Each task reads its shards with pyarrow, in batches of bounded size.
    """
    from pyspark.sql.pandas.types import from_arrow_schema

    count = len(reader.parts)
    numbers = spark.range(0, count, 1, count)  # a number, a partition
    return numbers.mapInArrow(reader.task(), from_arrow_schema(reader.schema))


@dataclass(frozen=True)
class Reader:
    """What a task needs to read its part of the shards: the columns, and, to decide, the stored answers beside them."""

    shards: "Sequence[Shard]"
    parts: Sequence[range]
    layout: Layout
    store: Store | None = None
    answers: pa.Schema | None = None  # of the stored answers, entities with their texts

    @property
    def schema(self) -> pa.Schema:
        """The input's columns, where each row comes from, and the answers if any."""
        return pa.schema([*self.layout.schema, *self.layout.beside.items(), *(self.answers or [])])

    def task(self) -> Callable[[Batches], Batches]:
        """The function that Spark calls: numbers of parts to rows."""

        def read(batches: Batches) -> Batches:
            for batch in batches:
                for part in batch.column(0).to_pylist():
                    for numbers in self.stretches(self.parts[part]):
                        yield from self.rows(numbers)
            lasting()

        return read

    def stretches(self, part: range) -> Iterator[list[int]]:
        """The shards of a part, by what can be read in one go: those that follow one another in one file.

        Where a run goes on, shards between them may have been scored before.
        """
        stretch: list[int] = []
        for number in part:
            last, shard = self.shards[stretch[-1]] if stretch else None, self.shards[number]
            if last and (last.path, last.stop) != (shard.path, shard.start):
                yield stretch
                stretch = []
            stretch.append(number)
        yield stretch

    def rows(self, numbers: list[int]) -> Batches:
        """The rows of shards that follow one another in one file, in order."""
        schema, found = self.schema, -1
        for number, row, batch in self.pieces(numbers):
            shard = self.shards[number]
            columns, done = self.written(self.columns(shard, batch))
            columns += [*place(shard, number, row, batch.num_rows), *done]
            if self.store:
                if found != number:
                    answers, found = stored(self.store, shard), number
                columns += self.beside(columns, answers.slice(row - shard.start, batch.num_rows))
            yield pa.RecordBatch.from_arrays(columns, schema=schema)

    def pieces(self, numbers: list[int]) -> Iterator[tuple[int, int, pa.RecordBatch]]:
        """The file's batches, cut where shards meet, each with its shard and its first row."""
        number, row, end = numbers[0], self.shards[numbers[0]].start, self.shards[numbers[-1]].stop
        for batch in shard_batches(replace(self.shards[number], stop=end), list(self.layout.origin.values())):
            while batch.num_rows:
                count = min(batch.num_rows, self.shards[number].stop - row)
                yield number, row, batch.slice(0, count)
                batch, row = batch.slice(count), row + count
                number += row == self.shards[number].stop
        if row != end:
            path, rows = self.shards[numbers[0]].path, self.shards[numbers[0]].rows
            raise UsageError(f"input {path}: the file ends at row {row:,}, its footer says {rows:,}")

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

    def written(self, columns: list[pa.Array]) -> tuple[list[pa.Array], list[pa.Array]]:
        """The columns as they may be written, and what privacy did in each row: nobody gets to see them otherwise."""
        if self.layout.privacy is None:
            return columns, []
        made, done = self.layout.privacy.applied(columns, self.layout.names)
        return made, [done]

    def beside(self, columns: list[pa.Array], answers: pa.RecordBatch) -> list[pa.Array]:
        """The stored answers to a batch's rows, entities with the texts that they stand for in its bodies."""
        assert self.answers is not None
        bodies = columns[self.layout.schema.get_field_index("body")]
        whole = {"entities": with_texts(answers.column("entities"), bodies)}
        return [whole.get(field.name, answers.column(field.name)).cast(field.type) for field in self.answers]


def place(shard: "Shard", number: int, row: int, rows: int) -> list[pa.Array]:
    """Where the rows of a batch come from: the columns of `layout.PLACE`."""
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
