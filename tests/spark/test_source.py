"""The source: a partition for each shard, rows in order."""

import pyarrow as pa
from pyarrow import parquet
from pyspark.sql import functions as f

from moderation.config import Columns
from moderation.runs.inputs import find_inputs
from moderation.runs.shards import parts_of, shards_of
from moderation.spark.layout import contract_names, layout
from moderation.spark.source import Reader, source


def frame(spark, folder, parts: list[range] | None = None):
    files = find_inputs([folder], Columns())
    shards = shards_of(files)
    return source(spark, Reader(shards, parts or parts_of(shards, 2), layout(files, Columns())))


def test_a_partition_is_its_shards_with_their_rows_in_order(spark, tmp_path) -> None:
    for name, rows in (("a", 4100), ("b", 3)):
        ids = [f"{name}{row}" for row in range(rows)]
        parquet.write_table(pa.table({"id": ids, "body": ids}), tmp_path / f"{name}.parquet", row_group_size=777)
    shards = [0] * 1025 + [1] * 1025 + [2] * 1025 + [3] * 1025 + [4] * 3
    for parts in ([range(number, number + 1) for number in range(5)], [range(0, 2), range(2, 5)]):
        rows = frame(spark, tmp_path, parts).select(f.spark_partition_id().alias("partition"), "*")
        found = [(row["partition"], row["input_shard"], row["input_row"], row["id"]) for row in rows.toLocalIterator()]
        assert [(row, id) for *_, row, id in found] == [
            *((row, f"a{row}") for row in range(4100)),
            *((row, f"b{row}") for row in range(3)),
        ]
        assert [shard for _, shard, _, _ in found] == shards
        assert all(shard in parts[partition] for partition, shard, _, _ in found)


def test_a_partition_leaves_out_the_shards_between_its_own(spark, tmp_path) -> None:
    """A resumed run lacks shards that do not follow one another: tasks end in any order."""
    ids = [f"a{row}" for row in range(5000)]
    parquet.write_table(pa.table({"id": ids, "body": ids}), tmp_path / "a.parquet", row_group_size=777)
    files = find_inputs([tmp_path], Columns())
    wanted = [shards_of(files)[number] for number in (0, 2, 3)]
    rows = source(spark, Reader(wanted, [range(3)], layout(files, Columns()))).collect()
    assert [row["input_row"] for row in rows] == [*range(1000), *range(2000, 4000)]
    assert [row["id"] for row in rows] == [ids[row["input_row"]] for row in rows]
    assert [row["input_shard"] for row in rows] == [0] * 1000 + [1] * 1000 + [2] * 1000


def test_files_of_many_tools_are_one_frame(spark, tmp_path) -> None:
    """Ids as int and as text, nanoseconds, unsigned, dictionary, large and missing columns, and one without a type."""
    moment = pa.array([1_767_571_200_000_000_001], pa.timestamp("ns"))
    one = {"id": pa.array([1]), "body": pa.array(["x"], pa.large_string()), "when": moment, "nothing": pa.nulls(1)}
    two = {
        "id": pa.array(["t2"]),
        "body": pa.array(["y"]).dictionary_encode(),
        "big": pa.array([2**64 - 1], pa.uint64()),
    }
    parquet.write_table(pa.table(one), tmp_path / "a.parquet")
    parquet.write_table(pa.table(two), tmp_path / "b.parquet")
    found = [row.asDict() for row in frame(spark, tmp_path).orderBy("id").collect()]
    assert [(row["id"], row["body"], row["nothing"]) for row in found] == [("1", "x", None), ("t2", "y", None)]
    assert [str(row["when"]) for row in found] == ["2026-01-05 00:00:00", "None"]
    assert [row["big"] and int(row["big"]) for row in found] == [None, 2**64 - 1]


def test_names_that_clash_get_a_prefix_that_is_free() -> None:
    names = ["id", "body", "labels", "input_labels", "input_row", "when"]
    found = contract_names(names, Columns(created_utc="when"))
    assert len(set(found.values())) == len(names)
    assert (found["labels"], found["input_labels"]) == ("input_input_labels", "input_labels")
    assert (found["input_row"], found["when"]) == ("input_input_row", "created_utc")
