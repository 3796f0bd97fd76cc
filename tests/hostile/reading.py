"""Reads inputs as the tasks of a run do, shard by shard, within this process."""

from pathlib import Path

import pyarrow as pa

from moderation.config import Columns
from moderation.runs.inputs import InputFile, find_inputs
from moderation.runs.shards import shards_of
from moderation.spark.layout import layout
from moderation.spark.source import Reader


def read_all(path: Path) -> pa.Table:
    """Every row of an input under the contract's names."""
    return read_files(find_inputs([path], Columns()))


def read_files(files: list[InputFile]) -> pa.Table:
    """Every row of files that were found before."""
    reader = Reader(shards_of(files), [], layout(files, Columns()))
    batches = [batch for number in range(len(reader.shards)) for batch in reader.rows([number])]
    return pa.Table.from_batches(batches, reader.schema)
