"""Spark types of what the engine says."""

from dataclasses import fields
from typing import TYPE_CHECKING

from pyspark.sql import types as t

from moderation.errors import UsageError
from moderation.inference.work import Work
from moderation.models.spec import LabelSet

if TYPE_CHECKING:
    import pyarrow

# What the scoring column gives and the policy does not decide anew.
ANSWERS = (
    *("text_sha256", "status", "status_reason", "scores", "entities", "evidence"),
    *("token_count", "window_count", "model_id"),
)
SPAN = t.StructType([t.StructField("start", t.IntegerType()), t.StructField("end", t.IntegerType())])
ENTITY = t.StructType(
    [
        *SPAN.fields,
        t.StructField("type", t.StringType()),
        t.StructField("text", t.StringType()),
        t.StructField("score", t.FloatType()),
    ]
)


def scores_type(known: LabelSet) -> t.StructType:
    """One float for each label; raises `UsageError` where there is none, as Parquet knows no empty struct."""
    if not known.labels:
        raise UsageError(
            "the models give no label, only entities: add a model that judges texts, for example 'builtin'"
        )
    return t.StructType([t.StructField(label, t.FloatType()) for label in known.labels])


def moderation_type(known: LabelSet) -> t.StructType:
    """The struct that `moderate` gives for each text."""
    return t.StructType(
        [
            t.StructField("text_sha256", t.StringType()),
            t.StructField("status", t.StringType()),
            t.StructField("status_reason", t.StringType()),
            t.StructField("scores", scores_type(known)),
            t.StructField("labels", t.ArrayType(t.StringType())),
            t.StructField("flagged", t.BooleanType()),
            t.StructField("entities", t.ArrayType(ENTITY)),
            t.StructField("evidence", SPAN),
            t.StructField("token_count", t.IntegerType()),
            t.StructField("window_count", t.IntegerType()),
            t.StructField("model_id", t.StringType()),
        ]
    )


def work_type() -> t.StructType:
    """What scoring took, field by field as `Work` has it, and the seconds of loading the model."""
    kinds = {"int": t.LongType(), "float": t.DoubleType()}
    counted = [t.StructField(field.name, kinds[type(field.default).__name__]) for field in fields(Work)]
    return t.StructType([*counted, t.StructField("load_seconds", t.DoubleType())])


def answers_schema(known: LabelSet) -> "pyarrow.Schema":
    """The columns of `ANSWERS` in Arrow's types."""
    from pyspark.sql.pandas.types import to_arrow_schema

    kinds = moderation_type(known)
    return to_arrow_schema(t.StructType([kinds[name] for name in ANSWERS]))


def stored_schema(known: LabelSet) -> "pyarrow.Schema":
    """The columns of the score store: the answers, entities without their texts."""
    from pyspark.sql.pandas.types import to_arrow_type

    schema = answers_schema(known)
    offsets = t.ArrayType(t.StructType([field for field in ENTITY if field.name != "text"]))
    return schema.set(schema.get_field_index("entities"), schema.field("entities").with_type(to_arrow_type(offsets)))
