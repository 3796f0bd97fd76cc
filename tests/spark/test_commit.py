"""A scoring task: each shard is committed by itself, and nothing out of order."""

from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from moderation.config import Columns
from moderation.inference.devices import Device
from moderation.models.load import find_model
from moderation.models.panel import panel_of
from moderation.runs.inputs import find_inputs
from moderation.runs.shards import Shard, shards_of
from moderation.runs.store import DamagedScores, Store, stored, work_of
from moderation.spark.commit import receipts
from moderation.spark.worker import Scorer

ROWS = 2005  # of which two shards are made
ABOUT = {"precision": "fp32"}


@pytest.fixture(scope="module")
def scorer(tiny_model: Path) -> Scorer:
    return Scorer(panel_of(find_model(str(tiny_model))), "fp32", Device("cpu"))


@pytest.fixture(scope="module")
def shards(tmp_path_factory) -> list[Shard]:
    file = tmp_path_factory.mktemp("dump") / "a.parquet"
    parquet.write_table(pa.table({"id": texts(0, ROWS), "body": texts(0, ROWS)}), file)
    return shards_of(find_inputs([file.parent], Columns()))


@pytest.fixture
def store(tmp_path) -> Store:
    store = Store(tmp_path, "key")
    store.folder.mkdir(parents=True)
    return store


def texts(start: int, stop: int) -> list[str]:
    return [
        f"comment number {row % 300}, you {'idiot' if row % 7 else 'friend'} of Paris" for row in range(start, stop)
    ]


def batch(shards: list[Shard], rows: range) -> pa.RecordBatch:
    numbers = [next(n for n, shard in enumerate(shards) if shard.start <= row < shard.stop) for row in rows]
    columns = {"input_shard": pa.array(numbers, pa.int32()), "input_row": pa.array(rows, pa.int64())}
    return pa.RecordBatch.from_pydict({**columns, "body": texts(rows.start, rows.stop)})


def cut(shards: list[Shard], *edges: int) -> list[pa.RecordBatch]:
    return [batch(shards, range(start, stop)) for start, stop in pairwise(edges)]


def committed(batches: list[pa.RecordBatch], store: Store, shards: list[Shard], scorer: Scorer) -> list[dict]:
    return [row for found in receipts(iter(batches), store, shards, scorer, ABOUT) for row in found.to_pylist()]


def test_what_is_stored_of_a_shard_depends_on_no_other_and_on_no_batch(store, shards, scorer, tmp_path) -> None:
    together = committed(cut(shards, 0, 700, 1600, ROWS), store, shards, scorer)
    assert [row["rows"] for row in together] == [1002, 1003]
    alone = Store(tmp_path / "alone", "key")
    alone.folder.mkdir(parents=True)
    for number in (1, 0):
        shard = shards[number]
        (receipt,) = committed(cut(shards, shard.start, shard.stop), alone, shards, scorer)
        assert stored(alone, shard).equals(stored(store, shard))
        counted = ("rows", "scored", "tokens", "texts", "duplicates", "windows")
        assert [receipt[name] for name in counted] == [together[number][name] for name in counted]


def test_a_task_that_is_tried_again_leaves_alone_what_it_has_committed(store, shards, scorer) -> None:
    first = receipts(iter(cut(shards, 0, ROWS)), store, shards, scorer, ABOUT)
    before = next(first).to_pylist()  # and then the worker is killed
    first.close()
    written = store.path(shards[0]).stat()
    assert not store.path(shards[1]).exists()
    again = committed(cut(shards, 0, ROWS), store, shards, scorer)
    assert again[0] == before[0]
    assert store.path(shards[0]).stat() == written
    assert work_of(store, shards[1]) == again[1]


def test_scores_that_are_damaged_are_made_again(store, shards, scorer) -> None:
    committed(cut(shards, 0, ROWS), store, shards, scorer)
    store.path(shards[0]).write_bytes(b"PAR1 cut off")
    committed(cut(shards, 0, ROWS), store, shards, scorer)
    assert stored(store, shards[0]).num_rows == 1002


@pytest.mark.parametrize(
    "rows",
    [
        [range(500), range(400, ROWS)],  # some twice
        [range(1, ROWS)],
        [range(500), range(501, ROWS)],
        [range(500, 1002), range(500)],
        [range(1000), range(1002, ROWS)],  # the end of a shard is missing
        [range(1500)],
    ],
)
def test_rows_out_of_order_or_not_all_there_are_not_committed(store, shards, scorer, rows) -> None:
    with pytest.raises((RuntimeError, DamagedScores), match=r"another order|rows were scored"):
        committed([batch(shards, found) for found in rows], store, shards, scorer)
    assert not store.path(shards[1]).exists()
    assert not list(store.folder.glob("*/.*"))
