"""What comes out when the input is read: of damaged files one clear line, of odd ones every row."""

import os
from pathlib import Path

import pyarrow as pa
import pytest

from moderation.config import Columns
from moderation.errors import UsageError
from moderation.runs.inputs import find_inputs
from moderation.runs.rows import BATCH_BYTES
from moderation.runs.shards import shards_of
from moderation.spark.layout import layout
from moderation.spark.source import Reader
from tests.hostile import broken_files, odd_files, places
from tests.hostile.cases import Case, ordinary, write
from tests.hostile.reading import read_all, read_files
from tests.hostile.surroundings import SURROUNDINGS

ACCEPTED = [case for case in [*odd_files.READ, *places.LISTED] if case.code == 0]


@pytest.mark.parametrize("case", broken_files.READ, ids=lambda case: case.name)
def test_a_damaged_file_is_named_in_one_line(case: Case, tmp_path) -> None:
    path = case.make(tmp_path)
    with pytest.raises(UsageError) as error:
        read_all(path)
    line = str(error.value)
    assert case.says in line and str(tmp_path / case.names) in line
    assert "\n" not in line


@pytest.mark.parametrize("case", ACCEPTED, ids=lambda case: case.name)
def test_every_row_of_an_odd_input_is_read_once(case: Case, tmp_path) -> None:
    (tmp_path / "in").mkdir()
    rows = read_all(case.make(tmp_path / "in"))
    assert rows.num_rows == sum(case.counts)
    assert len(set(rows["id"].to_pylist())) == rows.num_rows


def changed(path: Path) -> None:
    write(ordinary(20), path)


def deleted(path: Path) -> None:
    path.unlink()


def shortened(path: Path) -> None:
    os.truncate(path, 200)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (changed, "a file that is written anew while the run goes on"),
        (deleted, "a file that is deleted while the run goes on"),
        (shortened, "a file that is cut off while the run goes on"),
    ],
)
def test_a_file_that_changes_between_finding_and_reading_is_named(tmp_path, change, name) -> None:
    path = write(ordinary(10), tmp_path / "x.parquet")
    files = find_inputs([path], Columns())
    change(path)
    with pytest.raises(UsageError) as error:
        read_files(files)
    assert SURROUNDINGS[name][1] in str(error.value)
    assert str(path) in str(error.value)


def test_a_bomb_is_read_in_small_pieces(tmp_path) -> None:
    path = write(odd_files.bomb(400), tmp_path / "x.parquet", compression="zstd", store_schema=False)
    assert path.stat().st_size < 20_000
    files = find_inputs([path], Columns())
    reader = Reader(shards_of(files), [], layout(files, Columns()))
    before = pa.total_allocated_bytes()
    rows = 0
    for batch in reader.rows([0]):
        rows += batch.num_rows
        assert batch.nbytes <= 1.1 * BATCH_BYTES
        assert pa.total_allocated_bytes() - before < 100_000_000
    assert rows == 400


def test_folder_names_give_columns_and_never_the_date(tmp_path) -> None:
    rows = read_all(odd_files.below("a=1", "b=2/c=%2F", "date=2020-01-01", "a=__HIVE_DEFAULT_PARTITION__")(tmp_path))
    assert rows.num_rows == 40
    found = {tuple(row[name] for name in ("a", "b", "c")) for row in rows.to_pylist()}
    assert found == {("1", None, None), (None, "2", "/"), (None, None, None)}
    assert "date" not in rows.schema.names


def test_a_value_that_another_files_type_cannot_hold_is_refused_not_bent(tmp_path) -> None:
    for name, kind, value in (("a", pa.int64(), 2**53 + 1), ("b", pa.float64(), 0.5)):
        table = pa.table({"id": [name], "body": ["hi"], "n": pa.array([value], kind)})
        write(table, tmp_path / f"{name}.parquet")
    with pytest.raises(UsageError, match=r"a\.parquet: column 'n' has a value of int64 that is not exact as double"):
        read_all(tmp_path)
