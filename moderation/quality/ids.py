"""Ids that occur twice: within a run, and in what other inputs published on the same dates."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def defective(labelled: DataFrame, published_ids: DataFrame | None) -> DataFrame | None:
    """The ids of the run that occur more than once (`repeated`) or were published before (`elsewhere`), or None.

    `published_ids` has one column, `id`. Only 64-bit digests of the ids are shuffled and counted. Digests may be equal
    where ids are not, so that those that occur twice are looked at again as ids; there are next to none in a good run.
    """
    ids = _marked(labelled, published_ids)
    suspects = _twice(ids.selectExpr("xxhash64(id) AS digest", "mine"), "digest").select("digest").cache()
    try:
        if suspects.isEmpty():
            return None
        among = ids.selectExpr("id", "mine", "xxhash64(id) AS digest").join(suspects, "digest", "left_semi")
        found = _twice(among, "id").selectExpr("id", "own > 1 AS repeated", "every > own AS elsewhere").cache()
        return None if found.isEmpty() else found
    finally:
        suspects.unpersist()


def _marked(labelled: DataFrame, published_ids: DataFrame | None) -> DataFrame:
    """All ids, each with whether it is of this run. Null is no id."""
    ids = labelled.selectExpr("id", "true AS mine")
    if published_ids is not None:
        ids = ids.unionByName(published_ids.selectExpr("id", "false AS mine"))
    return ids.where("id IS NOT NULL")


def _twice(ids: DataFrame, key: str) -> DataFrame:
    """The keys that the run has more than once, or that others have as well: how often the run has them, and all."""
    from pyspark.sql import functions as f

    counted = ids.groupBy(key).agg(f.count_if("mine").alias("own"), f.count(f.lit(1)).alias("every"))
    return counted.where("own > 0 AND every > 1")
