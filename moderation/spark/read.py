"""The source's rows to comments and quarantine."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyspark.sql import functions as f
from pyspark.sql import types as t

from moderation.privacy.privacy import MASKED
from moderation.spark.layout import DONE, INTERNAL

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from moderation.config import Config

BLANK = r"(?U)^[\s\x1c-\x1f]*$"  # of whatever Unicode, or Python, takes for a space
YEAR_FIRST = r"^\s*[0-9]{4}-"
LAST_SECOND = 253402300799  # 9999-12-31T23:59:59Z
FIRST_SECOND = -62135596800  # 0001-01-01T00:00:00Z


@dataclass(frozen=True)
class Comments:
    """The rows of a run: `good` ones with the contract's names, an `input_key` and a `date`; `broken` ones as
    quarantine rows; those of `other_dates`, which the run leaves alone; and `wanted`, all others, as they were read."""

    good: "DataFrame"
    broken: "DataFrame"
    other_dates: "DataFrame"
    wanted: "DataFrame"


def read_comments(rows: "DataFrame", config: "Config", run_id: str) -> Comments:
    """Tells the source's rows apart: those of the run's date from others, good ones from broken ones."""
    rows = judged(rows, config)
    wanted, others = rows.where("input_wanted"), rows.where("NOT input_wanted")
    good = wanted.where("input_reason IS NULL").drop(*[name for name in INTERNAL if name != "input_key"])
    return Comments(as_text(good), quarantine(wanted, run_id), others, wanted)


def judged(rows: "DataFrame", config: "Config") -> "DataFrame":
    """Adds the UTC day, the reason why a row is broken, and whether the run wants the row's day."""
    rows = with_day(rows, config)
    wanted = f.col("date").isin(str(config.date), "unreadable") if config.date else f.lit(True)
    return rows.withColumns({"input_reason": broken_reason(rows), "input_wanted": wanted})


def masked_counts(rows: "DataFrame") -> dict[str, int]:
    """Rows in which privacy did something, and how many of each kind it was: of rows that were read through it."""
    names = [field.name for field in MASKED]
    done = [f.col(f"{DONE}.{name}") for name in names]
    some = f.greatest(*done) > 0
    found = rows.agg(
        f.count_if(some).alias("rows"), *[f.sum(one).alias(name) for one, name in zip(done, names, strict=True)]
    )
    return {name: value or 0 for name, value in found.collect()[0].asDict().items()}


def bodies(rows: "DataFrame", config: "Config") -> "DataFrame":
    """Where each row stands, and its body as text: null where it is broken or of a day that the run does not want."""
    body = f.when(f.expr("input_wanted AND input_reason IS NULL"), f.col("body").cast("string"))
    return judged(rows, config).select("input_shard", "input_row", body.alias("body"))


def with_day(rows: "DataFrame", config: "Config") -> "DataFrame":
    """Adds `date`, the UTC day: of `created_utc`, else the run's, else `unknown`; `unreadable` marks a broken row."""
    if "created_utc" not in rows.columns:
        return rows.withColumn("date", f.lit(str(config.date) if config.date else "unknown"))
    column = f.col("created_utc")
    day = f.date_format(timestamp(column, rows.schema["created_utc"].dataType), "yyyy-MM-dd")
    given = column.isNotNull()
    if isinstance(rows.schema["created_utc"].dataType, t.StringType):
        given = given & (f.trim(column) != "")
    return rows.withColumn("date", f.when(~given, "unknown").otherwise(f.coalesce(day, f.lit("unreadable"))))


def timestamp(column: "Column", kind: t.DataType) -> "Column":
    """A column of timestamps, epoch seconds or ISO text as a timestamp; null where it is none."""
    if isinstance(kind, t.StringType):
        text = f.trim(column)
        dated = f.when(text.rlike(YEAR_FIRST), text)  # Spark reads a time of day alone as one of today's
        return f.coalesce(epoch(text.try_cast("double")), in_range(dated.try_cast("timestamp")))
    if isinstance(kind, t.NumericType):
        return epoch(column.cast("double"))
    return in_range(column.try_cast("timestamp"))


def epoch(seconds: "Column") -> "Column":
    """Epoch seconds of the years 1 to 9999 as a timestamp, else null."""
    return f.when(seconds.between(FIRST_SECOND, LAST_SECOND), f.timestamp_seconds(seconds))


def in_range(moment: "Column") -> "Column":
    """A timestamp of the years 1 to 9999, else null."""
    return f.when(f.year(moment).between(1, 9999), moment)


def broken_reason(rows: "DataFrame") -> "Column":
    """Why a row is not a comment (a reason of `schemas/quarantine.json`), null where it is one."""
    id_text, body = f.col("id").cast("string"), f.col("body").cast("string")
    return (
        f.when(f.col("id").isNull(), "id_missing")
        .when(~f.is_valid_utf8(id_text), "id_not_text")
        .when(id_text.rlike(BLANK), "id_missing")
        .when(f.col("body").isNull(), "body_missing")
        .when(~f.is_valid_utf8(body), "body_not_text")
        .when(f.col("date") == "unreadable", "timestamp_unreadable")
    )


def as_text(rows: "DataFrame") -> "DataFrame":
    """Ids and bodies as strings, whatever type they had in the dump."""
    return rows.withColumns({"id": f.col("id").cast("string"), "body": f.col("body").cast("string")})


def quarantine(rows: "DataFrame", run_id: str) -> "DataFrame":
    """Broken rows as the quarantine contract has them, with the internal `input_key`."""
    raw = [printable(field) for field in rows.schema.fields if field.name not in (*INTERNAL, "date")]
    return rows.where("input_reason is not null").select(
        f.to_json(f.struct(*raw), {"ignoreNullFields": "false"}).alias("raw"),
        f.col("input_uri").alias("source_file"),
        f.col("input_row").alias("row"),
        f.col("input_reason").alias("reason"),
        f.lit(run_id).alias("run_id"),
        f.when(f.col("date") == "unreadable", "unknown").otherwise(f.col("date")).alias("date"),
        "input_key",
    )


def printable(field: t.StructField) -> "Column":
    """A column for JSON: bytes that are not UTF-8 become U+FFFD."""
    column = f.col(quoted(field.name))
    if isinstance(field.dataType, t.BinaryType | t.StringType):
        return f.make_valid_utf8(column.cast("string")).alias(field.name)
    return column.alias(field.name)


def quoted(name: str) -> str:
    """A column's name for Spark, which reads dots in it as fields of a struct."""
    return "`" + name.replace("`", "``") + "`"
