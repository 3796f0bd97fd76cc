"""Drawing takes the lowest hashes of each stratum, in whatever order the rows come."""

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.audit.design import Stratum
from moderation.audit.draw import HASH, LOWEST, cut, lowest, review_order

ROW = st.tuples(st.sampled_from(["one", "two", "three"]), st.integers(LOWEST, 2**63 - 1), st.integers(0, 50))


def table(rows: list[tuple[str, int, int]]) -> pa.Table:
    """Rows as Spark gives them."""
    names = pa.array([row[0] for row in rows], pa.string())
    hashes = pa.array([row[1] for row in rows], pa.int64())
    ids = pa.array([str(row[2]) for row in rows], pa.string())
    return pa.table({"stratum": names, HASH: hashes, "id": ids, "date": pa.array(["d"] * len(rows), pa.string())})


@settings(max_examples=40)
@given(st.lists(ROW, max_size=60, unique_by=lambda row: row[2]), st.integers(1, 20), st.randoms(use_true_random=False))
def test_the_lowest_hashes_are_drawn_whatever_the_order(rows, wanted, random) -> None:
    shuffled = random.sample(rows, len(rows))
    sizes = dict.fromkeys(("one", "two", "three"), wanted)
    found, again = lowest(table(rows), sizes), lowest(table(shuffled), sizes)
    assert found.equals(again)
    for name in sizes:
        mine = sorted((row[1], str(row[2])) for row in rows if row[0] == name)[:wanted]
        kept = [row for row in found.to_pylist() if row["stratum"] == name]
        assert [(row[HASH], row["id"]) for row in kept] == mine


@settings(max_examples=50)
@given(st.integers(1, 2000), st.integers(1, 10**7), st.integers(0, 1000))
def test_enough_even_hashes_are_below_a_cut(drawn, more, seed) -> None:
    stratum = Stratum(name="x", leading="x", band="x", action="x", rows=drawn + more, drawn=drawn)
    limit = cut(stratum)
    if limit is not None:
        share = (limit - LOWEST) / 2**64
        assert np.random.default_rng(seed).binomial(drawn + more, share) >= drawn
        assert share < 1


def test_reviews_go_in_a_random_order_that_the_seed_decides() -> None:
    keys = [("2026-01-05", str(n)) for n in range(500)]
    places = review_order(keys, 7)
    assert sorted(places) == list(range(500))
    assert (review_order(keys[::-1], 7)[::-1] == places).all()
    assert (review_order(keys, 8) != places).any()
    assert abs(np.corrcoef(places, np.arange(500))[0, 1]) < 0.15
