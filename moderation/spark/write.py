"""Frames to staged Parquet, and what was really written."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as f

from moderation.models.spec import LabelSet
from moderation.policy import ACTIONS
from moderation.spark.paths import literal

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

UNLIKE = ("id", "body", "text_sha256")


def stage(frame: "DataFrame", folder: Path) -> "DataFrame":
    """Writes a frame by date and input, files of sensible size whatever the days' sizes, and reads it back."""
    balanced = frame.hint("rebalance", "date", "input_key")
    balanced.write.partitionBy("date", "input_key").options(**without_dictionaries(frame)).parquet(str(folder))
    return frame.sparkSession.read.schema(frame.schema).parquet(literal(folder))


def without_dictionaries(frame: "DataFrame") -> dict[str, str]:
    """Options that spare Parquet's writer the dictionaries of columns whose values are hardly ever the same: it gives
    them up only when they are full."""
    names = [name for name in UNLIKE if name in frame.columns]
    if "scores" in frame.columns:
        names += [f"scores.{label}" for label in frame.select("scores.*").columns]
    return {f"parquet.enable.dictionary#{name}": "false" for name in names}


def label_counts(labelled: "DataFrame", known: LabelSet) -> dict[str, Any]:
    """Rows per status, reason, label and action, entities and rows with some per type, share of repeats."""
    row = labelled.select(
        *[f.count_if(f.col("status") == name).alias(f"status {name}") for name in ("scored", "skipped", "failed")],
        f.count_if("flagged").alias("flagged"),
        *[f.count_if(f.array_contains("labels", name)).alias(f"label {name}") for name in known.labels],
        *[f.sum(entities_of(name)).alias(f"entity {name}") for name in known.entity_types],
        *[f.count_if(entities_of(name) > 0).alias(f"entity rows {name}") for name in known.entity_types],
        f.sum("token_count").alias("tokens"),
        f.sum("window_count").alias("windows"),
        *[f.count_if(f.col("action") == name).alias(f"action {name}") for name in ACTIONS],
    ).first()
    assert row is not None
    found = {name: value or 0 for name, value in row.asDict().items()}
    scored = found["status scored"]
    return {
        **{name: found[f"status {name}"] for name in ("scored", "skipped", "failed")},
        "reasons": counts_by(labelled.where("status_reason is not null"), "status_reason"),
        "flagged": found["flagged"],
        "labels": {name: found[f"label {name}"] for name in known.labels},
        "actions": {name: found[f"action {name}"] for name in sorted(ACTIONS) if found[f"action {name}"]},
        "entities": {name: found[f"entity {name}"] for name in known.entity_types},
        "entity_rows": {name: found[f"entity rows {name}"] for name in known.entity_types},
        "tokens": found["tokens"],
        "windows": found["windows"],
        "duplicate_share": round(1 - distinct_texts(labelled) / scored, 4) if scored else 0.0,
    }


def distinct_texts(labelled: "DataFrame") -> int:
    """How many of the scored texts are unlike: by 64 bits of their digests, which hardly two of a billion texts share.

    A query of its own: beside other aggregates a distinct count has Spark shuffle the state of all of them for every
    text.
    """
    scored = labelled.where(f.col("status") == "scored")
    return scored.select(f.xxhash64("text_sha256")).distinct().count()


def entities_of(kind: str) -> "Column":
    """How many entities of a type a row has."""
    return f.size(f.filter("entities", lambda entity: entity["type"] == kind))


def counts_by(frame: "DataFrame", column: str) -> dict[str, int]:
    """Rows for each value of a column that has few, in their order: by Python, as sorting is two more jobs to Spark."""
    rows = frame.groupBy(column).count().collect()
    return {row[column]: row["count"] for row in sorted(rows, key=lambda row: row[column])}
