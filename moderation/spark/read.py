"""Parquet dumps to comments and quarantine."""

from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING

from pyspark.sql import functions as f
from pyspark.sql import types as t

from moderation.contracts import column_names
from moderation.runs.inputs import InputFile
from moderation.spark.paths import literal

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

    from moderation.config import Columns, Config

INTERNAL = ("input_key", "input_row", "input_reason", "input_uri", "work")
LAST_SECOND = 253402300799  # 9999-12-31T23:59:59Z
FIRST_SECOND = -62135596800  # 0001-01-01T00:00:00Z
ROWS_PER_TASK = 5000  # a few seconds of scoring on one core: work for every core, and progress to show
TASKS_PER_CORE = 4
FEWEST_ROWS = 1000  # texts of like length are batched within a task: with fewer rows they are less alike


@dataclass(frozen=True)
class Comments:
    """The rows of a run: `good` ones with the contract's names, an `input_key` and a `date`; `broken` ones as
    quarantine rows; and those of `other_dates`, which the run leaves alone. `renamed` columns clashed with ours."""

    good: "DataFrame"
    broken: "DataFrame"
    other_dates: "DataFrame"
    renamed: dict[str, str]


def read_comments(spark: "SparkSession", files: list[InputFile], config: "Config", run_id: str) -> Comments:
    """Reads the input files, maps columns, keeps the run's date, and tells good rows from broken ones."""
    rows = reduce(
        lambda one, other: one.unionByName(other, allowMissingColumns=True),
        [read_root(spark, root, files) for root in dict.fromkeys(file.root for file in files)],
    )
    rows = with_keys(spark, nanoseconds_as_timestamps(rows, files), files)
    rows, renamed = contract_names(rows, config.columns)
    rows = with_day(rows, config)
    rows = rows.withColumn("input_reason", broken_reason(rows))
    wanted = f.col("date").isin(str(config.date), "unreadable") if config.date else f.lit(True)
    good = rows.where(wanted & f.col("input_reason").isNull()).drop("input_reason", "input_row", "input_uri")
    return Comments(as_text(good), quarantine(rows.where(wanted), run_id), rows.where(~wanted), renamed)


def read_root(spark: "SparkSession", root: Path, files: list[InputFile]) -> "DataFrame":
    """The rows of one named path, with the columns that its folder names give (key=value)."""
    paths = [file.path for file in files if file.root == root]
    reader = spark.read.option("mergeSchema", "true")
    if root.is_dir():
        reader = reader.option("basePath", str(root))
    rows = reader.parquet(*map(literal, paths))
    if "date" in rows.columns and all("date=" in str(path) for path in paths):
        rows = rows.drop("date")  # the output's own partition column: computed anew
    uri = f.regexp_replace(
        "_metadata.file_path", "^file:/+", "file:///"
    )  # inputFiles() has three slashes, this has one
    return rows.select("*", uri.alias("input_uri"), f.col("_metadata.row_index").alias("input_row"))


def nanoseconds_as_timestamps(rows: "DataFrame", files: list[InputFile]) -> "DataFrame":
    """Spark reads TIMESTAMP(NANOS), which pandas writes, as a number only: makes it a timestamp again."""
    nanos = {field.name for file in files for field in file.schema if str(field.type).startswith("timestamp[ns")}
    for name in sorted(nanos & set(rows.columns)):
        if isinstance(rows.schema[name].dataType, t.LongType):
            rows = rows.withColumn(name, f.timestamp_micros(f.floor(f.col(quoted(name)) / f.lit(1000)).cast("bigint")))
    return rows


def with_keys(spark: "SparkSession", rows: "DataFrame", files: list[InputFile]) -> "DataFrame":
    """Adds the key and the plain URI of each row's input file; Spark writes URIs with other escapes than Python."""
    from urllib.parse import unquote, urlparse

    known = {str(file.path): file for file in files}
    found = {uri: known[unquote(urlparse(uri).path)] for uri in rows.inputFiles()}
    table = spark.createDataFrame(
        [(uri, file.key, file.uri) for uri, file in found.items()], "input_uri string, input_key string, plain string"
    )
    joined = rows.join(f.broadcast(table), "input_uri", "left")
    return joined.drop("input_uri").withColumnRenamed("plain", "input_uri")


def contract_names(rows: "DataFrame", columns: "Columns") -> tuple["DataFrame", dict[str, str]]:
    """Gives mapped columns the contract's names, and columns that clash with the output's a prefix."""
    mapping = {getattr(columns, role): role for role in ("id", "body", "created_utc")}
    taken = {*column_names("labelled"), *INTERNAL, *mapping.values()}
    renamed: dict[str, str] = {}
    selected = []
    for name in rows.columns:
        target = mapping.get(name, name)
        if name not in mapping and name in taken and name not in INTERNAL:
            target = renamed[name] = f"input_{name}"
        selected.append(f.col(quoted(name)).alias(target))
    return rows.select(*selected), renamed


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
        return f.coalesce(epoch(text.try_cast("double")), in_range(text.try_cast("timestamp")))
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
        .when(f.trim(id_text) == "", "id_missing")
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


def scoring_tasks(rows: int, cores: int) -> int:
    """Into how many tasks to spread rows: enough for every core to have work, however few files they came from."""
    tasks = max(1, min(-(-rows // FEWEST_ROWS), max(cores * TASKS_PER_CORE, -(-rows // ROWS_PER_TASK))))
    return -(-tasks // cores) * cores  # a whole number of rounds: no core waits for another's last task


def quoted(name: str) -> str:
    """A column's name for Spark, which reads dots in it as fields of a struct."""
    return "`" + name.replace("`", "``") + "`"
