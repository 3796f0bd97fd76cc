"""What goes wrong on clusters, provoked on a worker to which some folders of this machine are not visible."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.jobs import ON_THIS_MACHINE, arguments, said
from tests.cluster.standalone import Cluster, cluster_of
from tests.dumps import comment, write_dump

pytestmark = pytest.mark.cluster
# Several runs in one application, as each would start a driver and executors: exit codes and messages are the same.
JOBS = """
import json, sys
from moderation.cli import app, exit_code

for options in json.loads(sys.argv[1]):
    print("EXIT", exit_code(lambda: app(["run", *options], standalone_mode=False)), flush=True)
"""
FEW = {"spark.cores.max": "1", "spark.task.maxFailures": "1"}
MOUNT = "mount -t tmpfs none '{hidden}' && exec \"$@\""


def may_mount() -> bool:
    """Whether this user may hide folders from a process."""
    command = ["unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"]
    return bool(shutil.which("unshare")) and subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.fixture(scope="module")
def hidden(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the driver sees and the worker does not: over there, nothing is mounted."""
    if not may_mount():
        pytest.skip("hiding folders from a process takes the right to mount")
    return tmp_path_factory.mktemp("hidden")


@pytest.fixture(scope="module")
def half_blind(hidden: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster whose only worker does not see the hidden folder."""
    with cluster_of(tmp_path_factory.mktemp("half_blind"), {}) as found:
        found.start_worker("127.0.0.1", before=("unshare", "-m", "sh", "-c", MOUNT.format(hidden=hidden), "sh"))
        found.wait_for_workers(1)
        yield found


def test_folders_that_executors_do_not_see_are_named(
    half_blind: Cluster, hidden: Path, tiny_model: Path, tmp_path: Path
) -> None:

    seen = write_dump(tmp_path / "seen.parquet", [comment("1", "hello there")])
    unseen = write_dump(hidden / "unseen.parquet", [comment("1", "hello there")])
    model = Path(shutil.copytree(tiny_model, hidden / "model"))
    runs = [(unseen, tmp_path / "o", tiny_model), (seen, tmp_path / "o", model), (seen, hidden / "o", tiny_model)]
    options = [list(map(str, arguments(*run)[1:])) for run in runs]
    job = tmp_path / "jobs.py"
    job.write_text(JOBS)
    done = half_blind.submit(FEW, job, json.dumps(options), **ON_THIS_MACHINE)
    assert done.stdout.count("EXIT 2\n") == done.stdout.count("EXIT") == 3, done.stdout + done.stderr[-3000:]
    lines = [line for line in done.stdout.splitlines() if line.startswith("moderation: ")]
    for line, start in zip(lines, [f"input {unseen}", f"model {model}", f"output {hidden / 'o'}"], strict=True):
        assert line.startswith(f"moderation: {start}") and ": not there on " in line
        assert "every machine of the cluster must have the same folder mounted" in line
    assert not (tmp_path / "o").exists() and not (hidden / "o").exists()


def test_cuda_without_gpus_from_spark_is_refused(cluster: Cluster, dump: Path, tiny_model: Path, tmp_path) -> None:
    done = cluster.submit(FEW, *arguments(dump, tmp_path / "out", tiny_model, device="cuda"))
    assert done.returncode == 2, done.stderr[-3000:]
    assert said(done.stdout).startswith("moderation: device 'cuda': Spark assigns no GPUs to tasks")
    assert "conf/spark-gpu.conf" in said(done.stdout)
    assert not (tmp_path / "out").exists()


def test_executors_with_another_python_are_told_what_to_ship(
    cluster: Cluster, dump: Path, tiny_model: Path, tmp_path: Path
) -> None:
    other = Path("/usr/bin/python3")
    if not other.exists() or Path(sys.base_prefix) == Path("/usr"):
        pytest.skip("there is no other Python here")
    done = cluster.submit(
        FEW | {"spark.pyspark.python": str(other), "spark.pyspark.driver.python": sys.executable},
        *arguments(dump, tmp_path / "out", tiny_model),
        PYSPARK_PYTHON=str(other),
    )
    assert done.returncode == 2, done.stderr[-3000:]
    assert "--archives dist/environment.tar.gz#environment" in said(done.stdout)


def test_gpus_for_tasks_but_not_for_executors_are_named_by_spark(
    cluster: Cluster, dump: Path, tiny_model: Path, tmp_path: Path
) -> None:
    given = arguments(dump, tmp_path / "out", tiny_model)
    done = cluster.submit(FEW | {"spark.task.resource.gpu.amount": "1"}, *given)
    assert done.returncode == 2, done.stderr[-3000:]
    assert said(done.stdout).startswith(f"moderation: Spark did not start on {cluster.url}")
    assert "executor" in said(done.stdout) and "gpu" in said(done.stdout)
