"""Sharding: every row once, in pieces of bounded size, the same on every machine."""

import hypothesis.strategies as st
from hypothesis import given

from moderation.runs.shards import FEWEST_ROWS, MOST_ROWS, PIECES, bounds
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
