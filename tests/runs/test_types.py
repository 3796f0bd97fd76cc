"""One schema for files that differ, and their values in it."""

import decimal
from pathlib import Path

import pyarrow as pa
import pytest

from moderation.config import Columns
from moderation.errors import UsageError
from moderation.runs.conform import conform
from moderation.runs.inputs import find_inputs
from moderation.runs.types import one_schema, spark_type, wider, without_null
from tests.runs.shard_files import write_table

UTC = pa.timestamp("us", "UTC")


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (pa.int64(), pa.string(), pa.string()),
        (pa.int8(), pa.int32(), pa.int32()),
        (pa.uint32(), pa.int32(), pa.int64()),
        (pa.uint64(), pa.int64(), pa.decimal128(20)),
        (pa.int64(), pa.float32(), pa.float64()),
        (pa.float16(), pa.float16(), pa.float32()),
        (pa.decimal128(10, 2), pa.int64(), pa.decimal128(21, 2)),
        (pa.decimal128(38, 20), pa.int64(), pa.string()),
        (pa.timestamp("ns"), pa.timestamp("ms"), pa.timestamp("us")),
        (pa.timestamp("ns", "Europe/Berlin"), pa.timestamp("us"), UTC),
        (pa.date32(), pa.timestamp("us", "UTC"), UTC),
        (pa.timestamp("us"), pa.int64(), pa.string()),
        (pa.null(), pa.int16(), pa.int16()),
        (pa.null(), pa.null(), pa.string()),
        (pa.large_string(), pa.string(), pa.string()),
        (pa.dictionary(pa.int32(), pa.large_string()), pa.string(), pa.string()),
        (pa.string(), pa.large_binary(), pa.binary()),
        (pa.bool_(), pa.string(), pa.string()),
        (pa.list_(pa.int8()), pa.large_list(pa.int64()), pa.list_(pa.int64())),
        (pa.list_(pa.null()), pa.list_(pa.null()), pa.list_(pa.string())),
        (pa.map_(pa.string(), pa.int8()), pa.map_(pa.string(), pa.int16()), pa.map_(pa.string(), pa.int16())),
        (pa.struct({"a": pa.int8()}), pa.struct({"b": pa.null(), "a": pa.string()}),
         pa.struct({"a": pa.string(), "b": pa.string()})),
    ],
)  # fmt: skip
def test_two_types_meet_in_the_nearest_that_holds_both(one, other, expected) -> None:
    for first, second in ((one, other), (other, one)):
        found = wider(spark_type(first), spark_type(second))
        assert found is not None
        if pa.types.is_struct(expected):
            assert {field.name: field.type for field in without_null(found)} == {f.name: f.type for f in expected}
        else:
            assert without_null(found) == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (pa.struct({"a": pa.int8()}), pa.string()),
        (pa.list_(pa.int8()), pa.int8()),
        (pa.binary(), pa.int8()),
        (pa.struct({"a": pa.list_(pa.int8())}), pa.struct({"a": pa.int8()})),
    ],
)
def test_types_with_nothing_in_common_do_not_meet(one, other) -> None:
    assert wider(one, other) is None and wider(other, one) is None


@pytest.mark.parametrize(
    ("array", "kind", "expected"),
    [
        (pa.array([2**64 - 1, None], pa.uint64()), pa.decimal128(20), [decimal.Decimal(2**64 - 1), None]),
        (pa.array([7, None]), pa.string(), ["7", None]),
        (pa.array(["a", None, "a"]).dictionary_encode(), pa.string(), ["a", None, "a"]),
        (pa.array([None, None]), pa.int64(), [None, None]),
        (pa.array([[1], None, [2, 3]], pa.large_list(pa.uint8())).slice(1), pa.list_(pa.int16()), [None, [2, 3]]),
        (pa.array([[1, 2], None], pa.list_(pa.int8(), 2)), pa.list_(pa.int64()), [[1, 2], None]),
        (pa.array([{"a": 1}, None, {"a": 3}]).slice(1), pa.struct({"b": pa.string(), "a": pa.string()}),
         [None, {"b": None, "a": "3"}]),
        (pa.array([1.5, None], pa.float16()), pa.float32(), [1.5, None]),
        (pa.array([1_000_001, None], pa.time64("us")), pa.string(), ["00:00:01.000001", None]),
    ],
)  # fmt: skip
def test_values_are_the_same_in_the_type_that_all_share(array, kind, expected) -> None:
    found = conform(array, kind)
    found.validate(full=True)
    assert found.to_pylist() == expected


def test_times_become_microseconds_and_absurd_ones_stay_absurd() -> None:
    ns = conform(pa.array([1_500, None], pa.timestamp("ns", "UTC")), UTC)
    assert ns.cast(pa.int64()).to_pylist() == [1, None]
    ms = conform(pa.array([5, None, 2**63 - 1, -(2**63)]).view(pa.timestamp("ms")), pa.timestamp("us"))
    year_9999 = 253_402_300_800_000_000
    assert ms.cast(pa.int64()).to_pylist()[:2] == [5000, None]
    assert all(abs(count) > year_9999 for count in ms.cast(pa.int64()).to_pylist()[2:])


def test_bytes_that_are_no_text_pass_on_to_the_quarantine() -> None:
    assert conform(pa.array([b"\xff"]), pa.string()).cast(pa.binary()).to_pylist() == [b"\xff"]


def schema_of(folder: Path) -> dict[str, pa.DataType]:
    return {field.name: field.type for field in one_schema(find_inputs([folder], Columns()))}


def test_files_of_many_tools_have_one_schema(tmp_path) -> None:
    moment = pa.array([10**18], pa.timestamp("ns"))
    write_table(tmp_path / "a.parquet", {"id": pa.array([1]), "body": pa.array(["x"]), "created_utc": moment})
    more = {"id": pa.array(["t1"]), "body": pa.array(["y"], pa.large_string()), "score": pa.array([1], pa.uint64())}
    write_table(tmp_path / "b.parquet", more)
    nothing = {"id": pa.array(["t2"]), "body": pa.array(["z"]).dictionary_encode(), "score": pa.nulls(1)}
    write_table(tmp_path / "c.parquet", nothing)
    assert schema_of(tmp_path) == {
        **{"id": pa.string(), "body": pa.string()},
        **{"created_utc": pa.timestamp("us"), "score": pa.decimal128(20)},
    }


def test_columns_that_clash_are_named_with_both_files(tmp_path) -> None:
    for name, value in (("a", pa.array(["x"])), ("b", pa.array([{"y": 1}]))):
        columns = {"id": pa.array(["1"]), "body": pa.array(["x"]), "extra": value}
        write_table(tmp_path / f"{name}.parquet", columns)
    with pytest.raises(UsageError, match=r"b\.parquet: column 'extra' holds struct.* but string in .*a\.parquet"):
        schema_of(tmp_path)
