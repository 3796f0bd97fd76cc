"""Drawing: of every stratum the rows whose seeded hashes are lowest, whatever the files or partitions they are in."""

import hashlib
import shutil
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pyspark.sql import functions as f

from moderation.audit.design import Stratum
from moderation.spark.paths import literal

if TYPE_CHECKING:
    import pyarrow
    from pyspark.sql import DataFrame

LOWEST = -(2**63)
HASH = "audit_hash"
SPARE = 8.0  # standard deviations that the number of rows below a cut may fall short of what is expected


def draw(stratified: "DataFrame", strata: list[Stratum], seed: int, scratch: Path) -> "pyarrow.Table":
    """The drawn rows, in the order of stratum and hash, with the columns of `stratified` and `HASH`.

    Hashes are even, so a little more than the wanted share of each stratum has hashes below a cut that can be told
    beforehand; only those rows leave Spark, by way of the folder `scratch`. No row is sorted but them.
    """
    hashed = stratified.withColumn(HASH, f.xxhash64(f.lit(seed), f.col("date").cast("string"), f.col("id")))
    cuts = {one.name: cut(one) for one in strata if one.drawn}
    wanted = {one.name: one.drawn for one in strata}
    found = lowest(candidates(hashed, cuts, scratch), wanted)
    counts = Counter(found["stratum"].to_pylist())
    missing: dict[str, int | None] = {name: None for name in cuts if counts[name] < wanted[name]}
    if missing:  # chance, one in 10^15: then all rows of these strata are looked at
        found = lowest(candidates(hashed, cuts | missing, scratch), wanted)
    return found


def cut(stratum: Stratum) -> int | None:
    """The hash below which at least `drawn` rows of a stratum are; None where it takes all of them."""
    share = (stratum.drawn + SPARE * (np.sqrt(stratum.drawn) + 1)) / stratum.rows
    return None if share >= 1 else LOWEST + int(share * 2**64)


def candidates(hashed: "DataFrame", cuts: dict[str, int | None], scratch: Path) -> "pyarrow.Table":
    """The rows below the cuts of their strata."""
    from pyarrow import parquet

    rows = [(name, limit if limit is not None else 2**63 - 1) for name, limit in cuts.items()]
    limits = hashed.sparkSession.createDataFrame(rows, "stratum string, audit_cut long")
    below = hashed.join(f.broadcast(limits), "stratum").where(f.col(HASH) <= f.col("audit_cut")).drop("audit_cut")
    shutil.rmtree(scratch, ignore_errors=True)
    try:
        below.write.parquet(literal(scratch))
        return parquet.read_table(scratch)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def lowest(rows: "pyarrow.Table", wanted: dict[str, int]) -> "pyarrow.Table":
    """Of each stratum as many rows as wanted, lowest hashes first; equal hashes in the order of date and id."""
    order = [("stratum", "ascending"), (HASH, "ascending"), ("date", "ascending"), ("id", "ascending")]
    rows = rows.sort_by(order)
    names = np.asarray(rows["stratum"].to_pylist(), dtype=object)
    starts = np.flatnonzero(np.r_[True, names[1:] != names[:-1]]) if len(names) else np.array([], int)
    place = np.arange(len(names)) - np.repeat(starts, np.diff(np.r_[starts, len(names)]))
    return rows.filter(place < np.array([wanted[name] for name in names], dtype=np.int64))


def review_order(keys: list[tuple[str, str]], seed: int) -> np.ndarray:
    """A random place for each (date, id), independent of how the rows were drawn: whoever stops half-way has reviewed a
    random part of every stratum."""
    digests = [hashlib.sha256(f"review {seed} {date} {id}".encode()).digest() for date, id in keys]
    places = np.empty(len(keys), np.int64)
    places[sorted(range(len(keys)), key=lambda n: (digests[n], keys[n]))] = np.arange(len(keys))
    return places
