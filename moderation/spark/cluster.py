"""What can only be wrong on a cluster, asked of its executors before anything is scored."""

import logging
import platform
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from moderation.errors import UsageError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

WAIT = 30  # seconds between two lines about executors that do not come
log = logging.getLogger(__name__)


def check_cluster(spark: "SparkSession", device: str, needed: Sequence[tuple[str, Path]]) -> None:
    """Waits for an executor and has a task in every slot look for the `needed` paths, each with what it is.

    Raises `UsageError` where Spark was not told to assign the GPUs that `device` asks for; a task raises it where its
    machine does not see a path. Spark tries the task elsewhere as often as its settings say.
    """
    if device == "cuda" and not spark.conf.get("spark.task.resource.gpu.amount", None):
        raise UsageError(
            "device 'cuda': Spark assigns no GPUs to tasks, and all would crowd onto the first: submit with "
            "--properties-file conf/spark-gpu.conf, or set spark.executor.resource.gpu.amount and "
            "spark.task.resource.gpu.amount"
        )
    wait_for_executor(spark)
    context = spark.sparkContext
    slots = max(context.defaultParallelism, 1)
    context.parallelize(range(slots), slots).foreachPartition(lambda _: check_seen(needed))


def check_seen(needed: Iterable[tuple[str, Path]]) -> None:
    """Raises `UsageError` where this machine does not see one of the paths."""
    for what, path in needed:
        if not path.exists():
            raise UsageError(
                f"{what} {path}: not there on {platform.node()}: every machine of the cluster must have the same "
                "folder mounted under this path"
            )


def wait_for_executor(spark: "SparkSession") -> None:
    """Waits for the first executor, for ever as Spark does, and says every half minute what it is waiting for."""
    executors = spark.sparkContext._jsc.sc().getExecutorMemoryStatus  # the driver is in it, too
    told = time.monotonic()
    while executors().size() < 2:
        time.sleep(0.2)
        if time.monotonic() - told > WAIT:
            told = time.monotonic()
            log.warning(
                "no executor yet: %s has granted none; the cluster may be busy, or no machine of it have free what one "
                "executor asks for (%s)",
                spark.sparkContext.master,
                ", ".join(f"{name} {value}" for name, value in asked(spark).items()),
            )


def asked(spark: "SparkSession") -> dict[str, str]:
    """What an executor takes of a machine."""
    names = ("executor.cores", "executor.memory", "executor.memoryOverhead", "executor.resource.gpu.amount")
    found = {name: spark.conf.get(f"spark.{name}", None) for name in names}
    return {name: value for name, value in found.items() if value}
