"""Each task runs on the GPU that Spark assigns to it: on a real cluster of processes whose GPUs are only addresses."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pyspark
import pytest

pytestmark = pytest.mark.slow
HOME = Path(pyspark.__file__).parent
JOB = """
import sys
from pyspark.sql import SparkSession
from pyspark.sql import functions as f
from moderation.inference.devices import Device
from moderation.spark.worker import task_device

spark = SparkSession.builder.getOrCreate()

def places(numbers):
    import time
    time.sleep(1)  # long enough for both GPUs to be in use at once
    return [(task_device(Device("auto")).place, task_device(Device("cpu")).place)]

found = spark.sparkContext.parallelize(range(6), 6).mapPartitions(places).collect()
print("PLACES", sorted(set(found)))
"""


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[str]:
    """A master and a worker with two addresses of GPUs; yields the master's URL."""
    port, web = free_port(), free_port()
    script = tmp_path / "gpus.sh"
    script.write_text("""#!/bin/sh\necho '{"name": "gpu", "addresses": ["0", "1"]}'\n""")
    script.chmod(0o755)
    conf = tmp_path / "worker.conf"
    conf.write_text(f"spark.worker.resource.gpu.amount 2\nspark.worker.resource.gpu.discoveryScript {script}\n")
    launch, classes = str(HOME / "bin" / "spark-class"), "org.apache.spark.deploy"
    environment = {
        **os.environ,
        "SPARK_HOME": str(HOME),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_WORKER_DIR": str(tmp_path),
    }
    url = f"spark://127.0.0.1:{port}"
    master = ["--host", "127.0.0.1", "--port", str(port), "--webui-port", str(web)]
    worker = ["--host", "127.0.0.1", "--cores", "2", "--memory", "2g", "--webui-port", str(free_port())]
    commands = [
        [launch, f"{classes}.master.Master", *master],
        [launch, f"{classes}.worker.Worker", *worker, "--properties-file", str(conf), url],
    ]
    log = (tmp_path / "cluster.log").open("w")
    running = []
    try:
        for command in commands:
            running.append(subprocess.Popen(command, env=environment, stdout=log, stderr=log))
        wait_for_worker(web)
        yield url
    finally:
        for process in running:
            process.terminate()
            process.wait(20)
        log.close()


def wait_for_worker(web: int) -> None:
    """Waits until the master's own page says that a worker is alive."""
    for _ in range(120):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{web}/json/") as page:
                if json.load(page)["aliveworkers"]:
                    return
        except OSError:
            pass
        time.sleep(0.5)
    raise TimeoutError("the cluster did not come up within a minute")


def test_tasks_run_on_the_gpus_that_spark_assigns(cluster: str, tmp_path: Path) -> None:
    job = tmp_path / "job.py"
    job.write_text(JOB)
    settings = {
        "spark.driver.host": "127.0.0.1",
        "spark.executor.memory": "1g",
        "spark.executor.cores": "1",
        "spark.executor.resource.gpu.amount": "1",
        "spark.task.resource.gpu.amount": "1",
    }
    options = [part for name, value in settings.items() for part in ("--conf", f"{name}={value}")]
    done = subprocess.run(
        [str(HOME / "bin" / "spark-submit"), "--master", cluster, *options, str(job)],
        env={**os.environ, "SPARK_HOME": str(HOME), "SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable}
        | {"PYSPARK_DRIVER_PYTHON": sys.executable, "PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "PLACES [('cuda:0', 'cpu'), ('cuda:1', 'cpu')]" in done.stdout
