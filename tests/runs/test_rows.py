"""Reading the rows of a shard: all of them, in order, in bounded batches, from the file that the run began with."""

import os
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from moderation.errors import UsageError
from moderation.runs import rows
from moderation.runs.rows import shard_batches
from tests.runs.shard_files import numbered, shards, write_table


def read(path: Path, columns: list[str]) -> list[str]:
    return [id for shard in shards(path) for batch in shard_batches(shard, columns) for id in batch["id"].to_pylist()]


@pytest.mark.parametrize("rows_per_group", [100, 1234, 100_000])
def test_shards_together_give_every_row_once_and_in_order(tmp_path, rows_per_group) -> None:
    path = write_table(tmp_path / "a.parquet", numbered(5000), rows_per_group)
    assert len(shards(path)) == 5
    assert read(path, ["id"]) == [str(row) for row in range(5000)]


def test_batches_are_bounded_in_bytes(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(rows, "BATCH_BYTES", 10_000)
    bodies = ["x"] * 500 + ["y" * 50_000] * 3 + ["z" * 4000] * 20
    path = write_table(tmp_path / "a.parquet", {"id": pa.array(map(str, range(523))), "body": pa.array(bodies)}, 10_000)
    (shard,) = shards(path)
    batches = list(shard_batches(shard, ["id", "body"]))
    assert [body for batch in batches for body in batch["body"].to_pylist()] == bodies
    assert all(batch.num_rows == 1 or batch.nbytes <= 10_000 for batch in batches)


def test_columns_that_a_file_lacks_are_left_out_and_dots_in_names_are_just_dots(tmp_path) -> None:
    columns = {**numbered(3), "a.b": pa.array([1, 2, 3]), "s": pa.array([{"t": 1}] * 3)}
    (shard,) = shards(write_table(tmp_path / "a.parquet", columns))
    (batch,) = shard_batches(shard, ["a.b", "nowhere", "s", "id"])
    assert batch.schema.names == ["a.b", "s", "id"]


def test_a_file_that_changed_since_the_run_began_is_refused(tmp_path) -> None:
    path = write_table(tmp_path / "a.parquet", numbered(3))
    (shard,) = shards(path)
    os.utime(path, ns=(shard.mtime_ns + 1, shard.mtime_ns + 1))
    with pytest.raises(UsageError, match=r"a\.parquet: the file changed"):
        list(shard_batches(shard, ["id"]))
    path.unlink()
    with pytest.raises(UsageError, match=r"a\.parquet: cannot be read any more"):
        list(shard_batches(shard, ["id"]))


def test_damage_inside_is_named(tmp_path) -> None:
    path = write_table(tmp_path / "a.parquet", numbered(5000))
    content = bytearray(path.read_bytes())
    content[200 : len(content) // 2] = b"\xab" * (len(content) // 2 - 200)
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"a\.parquet: the file is damaged and cannot be read to its end"):
        read(path, ["id", "body"])


def test_timestamps_of_old_spark_keep_their_century(tmp_path) -> None:
    path = tmp_path / "a.parquet"
    moment = pa.array([-(10**16)], pa.timestamp("us"))  # 1653, which nanoseconds from 1970 do not reach
    table = pa.table({"id": ["1"], "body": ["x"], "when": moment})
    parquet.write_table(table, path, use_deprecated_int96_timestamps=True)
    (shard,) = shards(path)
    (batch,) = shard_batches(shard, ["when"])
    assert batch["when"].cast(pa.int64()).to_pylist() == [-(10**16)]
