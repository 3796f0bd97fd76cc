"""The Spark session of a run."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from moderation.config import SparkSettings
from moderation.errors import UsageError
from moderation.resources import PACKAGE

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

REQUIRED = {  # the results depend on these; whoever submits the job may not differ
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.caseSensitive": "true",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.legacy.parquet.nanosAsLong": "true",
    "spark.sql.sources.partitionColumnTypeInference.enabled": "false",
    "spark.sql.files.ignoreCorruptFiles": "false",
    "spark.sql.files.ignoreMissingFiles": "false",
    "spark.sql.ansi.enabled": "true",
}
# A run is minutes of a JVM that begins anew: optimising its code took a quarter of its processors' time. So code
# must run ten times as often as usual to be optimised.
SELDOM = (
    "-XX:+IgnoreUnrecognizedVMOptions",  # of JVMs that are not HotSpot
    "-XX:Tier4InvocationThreshold=50000",
    "-XX:Tier4MinInvocationThreshold=6000",
    "-XX:Tier4CompileThreshold=150000",
    "-XX:Tier4BackEdgeThreshold=400000",
)
COLLECTOR = "-XX:+UseParallelGC"  # G1, the JVM's own choice, slows down all other code for shorter pauses
JAVA_SETTINGS = ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS")
DEFAULTS = {  # sensible on one machine; overridden by the config's spark.conf and by spark-submit
    "spark.app.name": "moderation",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.memory": "2g",
    "spark.sql.shuffle.partitions": "16",
    "spark.sql.parquet.compression.codec": "zstd",
    "spark.sql.files.maxRecordsPerFile": "1000000",
    "spark.sql.execution.arrow.maxBytesPerBatch": str(64 << 20),  # a body may be 50 MB: rows alone bound nothing
    "spark.python.worker.faulthandler.enabled": "true",
}


@contextmanager
def session(settings: SparkSettings) -> Iterator["SparkSession"]:
    """The active session (a notebook's, spark-submit's) or a new one, which is stopped at the end.

    Raises `UsageError` where Spark does not start.
    """
    from pyspark.sql import SparkSession

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # Spark would take the first python3 of PATH
    existing = SparkSession.getActiveSession()
    spark = existing or start(settings)
    before = {key: spark.conf.get(key, None) for key in REQUIRED}
    for key, value in REQUIRED.items():
        spark.conf.set(key, value)
    try:
        yield spark
    finally:
        if existing is None:
            spark.stop()
        else:
            restore(spark, before)


@contextmanager
def workers_of_their_own(role: str) -> Iterator[None]:
    """Functions that are made inside run in Python workers that run no others.

    Spark keeps a pool of idle workers for each environment that functions want, and takes from it whichever is next: in
    a plan of several functions each worker would come to load the models.
    """
    from pyspark import SparkContext

    context = SparkContext._active_spark_context
    assert context is not None
    before = context.environment
    context.environment = {**before, "SPARK_WORKER_ROLE": role}
    try:
        yield
    finally:
        context.environment = before


def restore(spark: "SparkSession", settings: dict[str, str | None]) -> None:
    """Gives a session that was not ours the settings back that it came with."""
    for key, value in settings.items():
        if value is None:
            spark.conf.unset(key)
        else:
            spark.conf.set(key, value)


def java_options() -> str:
    """What the driver's JVM is started with; a JVM that is told of two garbage collectors does not start."""
    chosen = any("-XX:+Use" in os.environ.get(name, "") for name in JAVA_SETTINGS)
    logging = f"-Dlog4j2.configurationFile=file:{PACKAGE}/spark/log4j2.properties"
    return " ".join([logging, *SELDOM, *([] if chosen else [COLLECTOR])])


def start(settings: SparkSettings) -> "SparkSession":
    """Starts a session; what spark-submit set stays as it is, then come the config's settings, then ours."""
    from py4j.protocol import Py4JJavaError
    from pyspark import SparkConf, SparkContext
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    if "PYSPARK_GATEWAY_PORT" in os.environ:  # spark-submit's JVM: only one that is connected to tells its settings
        SparkContext._ensure_initialized()
    conf = SparkConf()
    conf.setIfMissing("spark.master", settings.master)
    if str(conf.get("spark.master")).startswith("local"):
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    for key, value in (DEFAULTS | {"spark.driver.extraJavaOptions": java_options()} | settings.conf).items():
        conf.setIfMissing(key, value)
    try:
        return SparkSession.builder.config(conf=conf).getOrCreate()
    except (PySparkException, Py4JJavaError, RuntimeError, OSError) as error:
        said = error.java_exception.getMessage() if isinstance(error, Py4JJavaError) else error
        raise UsageError(
            f"Spark did not start on {conf.get('spark.master')}: {' '.join(str(said).split())[:300]}"
        ) from error
