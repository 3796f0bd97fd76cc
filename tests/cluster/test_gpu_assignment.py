"""Each task runs on the GPU that Spark assigns to it."""

from pathlib import Path

import pytest

from tests.cluster.standalone import Cluster

pytestmark = pytest.mark.cluster
JOB = """
from pyspark.sql import SparkSession
from moderation.inference.devices import Device
from moderation.spark.worker import task_device

spark = SparkSession.builder.getOrCreate()

def places(numbers):
    import time
    time.sleep(1)  # long enough for all GPUs to be in use at once
    return [(task_device(Device("auto")).place, task_device(Device("cpu")).place)]

found = spark.sparkContext.parallelize(range(12), 12).mapPartitions(places).collect()
print("PLACES", sorted(set(found)))
"""


def test_tasks_run_on_the_gpus_that_spark_assigns(cluster: Cluster, tmp_path: Path) -> None:
    job = tmp_path / "job.py"
    job.write_text(JOB)
    whole = {"spark.executor.resource.gpu.amount": "1", "spark.task.resource.gpu.amount": "1"}
    done = cluster.submit(whole | {"spark.executor.cores": "1", "spark.cores.max": "4"}, job)
    assert done.returncode == 0, done.stderr[-2000:]
    places = [(f"cuda:{number}", "cpu") for number in range(4)]
    assert f"PLACES {places}" in done.stdout
