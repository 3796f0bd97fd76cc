"""Sharding: every row once, in pieces of bounded size, the same on every machine."""

import hypothesis.strategies as st
from hypothesis import given

from moderation.runs.shards import FEWEST_ROWS, MOST_ROWS, PART_ROWS, PIECES, Shard, bounds, parts_of, tasks_of
from tests.runs.shard_files import numbered, shards, write_table


@given(st.integers(0, 10_000_000))
def test_every_row_is_in_one_shard_and_none_is_too_large(rows: int) -> None:
    found = list(bounds(rows))
    assert contiguous(found, rows)
    assert all(0 < stop - start <= MOST_ROWS for start, stop in found)


def contiguous(found: list[tuple[int, int]], rows: int) -> bool:
    edges = [0, *(stop for _, stop in found)]
    return edges[-1] == rows and [start for start, _ in found] == edges[:-1]


@given(st.integers(1, 10_000_000))
def test_small_files_are_cut_for_many_cores_but_not_into_crumbs(rows: int) -> None:
    found = list(bounds(rows))
    assert len(found) <= max(PIECES, -(-rows // MOST_ROWS))
    assert len(found) == 1 or min(stop - start for start, stop in found) >= FEWEST_ROWS
    sizes = {stop - start for start, stop in found}
    assert max(sizes) - min(sizes) <= 1


@given(st.lists(st.integers(1, 200_000), min_size=1, max_size=20), st.integers(1, 40))
def test_parts_are_all_shards_in_order_and_bounded(files: list[int], tasks: int) -> None:
    pieces = [shard(start, stop) for rows in files for start, stop in bounds(rows)]
    parts = parts_of(pieces, tasks)
    assert [number for part in parts for number in part] == list(range(len(pieces)))
    assert all(sum(pieces[number].stop - pieces[number].start for number in part[:-1]) < PART_ROWS for part in parts)
    assert len(parts) <= max(tasks, sum(files) // PART_ROWS + 1)


@given(st.lists(st.integers(1, 200_000), min_size=1, max_size=20), st.integers(1, 40))
def test_tasks_are_all_shards_in_order_bounded_and_small_at_the_end(files: list[int], slots: int) -> None:
    pieces = [shard(start, stop) for rows in files for start, stop in bounds(rows)]
    tasks = tasks_of(pieces, slots)
    assert [number for task in tasks for number in task] == list(range(len(pieces)))
    sizes = [[pieces[number].stop - pieces[number].start for number in task] for task in tasks]
    assert all(sum(task) <= MOST_ROWS for task in sizes)
    for number, task in enumerate(sizes):
        left = sum(map(sum, sizes[number:]))
        assert len(task) == 1 or sum(task) * 2 * slots <= left  # no slot waits long for another's last task


def test_a_file_that_is_not_large_is_a_few_tasks_on_a_few_cores_and_many_on_many() -> None:
    pieces = [shard(start, stop) for start, stop in bounds(20_000)]
    assert [len(task) for task in tasks_of(pieces, 2)] == [4, 3, 2, 1, 1, 1, 1, 1, 1, 1]
    assert [len(task) for task in tasks_of(pieces, 64)] == [1] * 16
    small = [shard(0, 100)] * 1000
    assert len(tasks_of(small, 64)) < len(small) / 2


def shard(start: int, stop: int) -> Shard:
    return Shard("a", "file:///a", "k", "0", stop, 1, 1, (), start, stop)


def test_the_sizes_are_these() -> None:
    assert [len(list(bounds(rows))) for rows in (0, 1, 1999, 2000, 16_000, 800_000, 1_000_000)] == [
        *(0, 1, 1, 2, 16, 16, 20),
    ]


def test_shards_know_their_file_and_come_in_its_order(tmp_path) -> None:
    one = write_table(tmp_path / "lang=de%20x/none=__HIVE_DEFAULT_PARTITION__/a.parquet", numbered(2500))
    found = shards(tmp_path)
    assert [(shard.path, shard.start, shard.stop, shard.rows) for shard in found] == [
        (str(one), 0, 1250, 2500),
        (str(one), 1250, 2500, 2500),
    ]
    assert found[0].folder_values == (("lang", "de x"), ("none", None))
