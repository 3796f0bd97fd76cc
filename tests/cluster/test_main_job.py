"""The main job on a cluster with the project's settings: every shard on the GPU that Spark gave it."""

from pathlib import Path

import pytest

from tests.cluster.jobs import ROWS, SHARDS, arguments, published, said, scored_where, submitted
from tests.cluster.standalone import HOSTS, Cluster

pytestmark = pytest.mark.cluster


def test_every_row_is_published_once(undisturbed: Path) -> None:
    ids = [row["id"] for row in published(undisturbed)]
    assert len(ids) == ROWS
    assert set(ids) == {f"c{row}" for row in range(ROWS)}


def test_each_shard_is_scored_by_a_task_with_one_gpu_on_both_machines(undisturbed: Path) -> None:
    found = scored_where(undisturbed)
    assert len(found) == SHARDS
    assert {task["place"] for task in found} == {"cpu"}  # as the command line says, over the config's cuda
    addresses = {address for task in found for address in task["assigned"]["gpu"]}
    assert all(len(task["assigned"]["gpu"]) == 1 for task in found)
    for gpus in HOSTS.values():
        assert len(addresses & set(gpus)) == 1  # an executor on each machine, with one of its two GPUs


def test_the_engine_takes_the_gpu_that_spark_assigned(
    cluster: Cluster, dump: Path, tiny_model: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    at_once = {"spark.task.maxFailures": "1", "spark.excludeOnFailure.enabled": "false"}
    done = submitted(cluster, arguments(dump, output, tiny_model, device="cuda"), **at_once)
    assert done.returncode == 2, done.stderr[-3000:]
    wanted = [f"device 'cuda:{address}' was asked for, and torch" for gpus in HOSTS.values() for address in gpus]
    assert any(text in said(done.stdout) for text in wanted)  # there is none here, and so it says which it looked for
    assert not (output / "labelled").exists()
