"""Machines that die in the middle of scoring: every row once, as if nothing had happened."""

from pathlib import Path

import pytest

from tests.cluster.jobs import (
    GPU_SETTINGS,
    ON_THIS_MACHINE,
    ONE_EXECUTOR_EACH,
    SHARDS,
    arguments,
    like,
    published,
    scored_where,
    shard_files,
    submitted,
)
from tests.cluster.standalone import HOSTS, Cluster, wait_for

pytestmark = pytest.mark.cluster
LOST = "127.0.0.2"


def start_and_wait_for_shards(cluster: Cluster, dump: Path, output: Path, model: Path) -> None:
    """Starts the job and waits until some shards are scored; far from all, as the tests then check."""
    command = cluster.command(ONE_EXECUTOR_EACH, *arguments(dump, output, model), properties=GPU_SETTINGS)
    job = cluster.start_command(command, **ON_THIS_MACHINE)
    wait_for(lambda: bool(shard_files(output)) or job.poll() is not None, "a scored shard", 600, every=0.01)


def test_a_worker_that_dies_while_it_scores_costs_no_row(
    cluster: Cluster, dump: Path, tiny_model: Path, undisturbed: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    start_and_wait_for_shards(cluster, dump, output, tiny_model)
    job, before = cluster.processes["driver"], len(shard_files(output))
    cluster.kill(LOST)
    assert 1 <= before < SHARDS, f"{before} shards were scored before the worker died"
    try:
        assert job.wait(900) == 0, (cluster.folder / "driver.log").read_text()[-3000:]
    finally:
        cluster.start_worker(LOST, HOSTS[LOST])
    assert "Lost executor" in (cluster.folder / "driver.log").read_text()
    assert published(output) == like(published(undisturbed))
    assert len(scored_where(output)) == SHARDS
    cluster.wait_for_workers(2)


def test_a_driver_that_dies_goes_on_where_it_was(
    cluster: Cluster, dump: Path, tiny_model: Path, undisturbed: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    start_and_wait_for_shards(cluster, dump, output, tiny_model)
    cluster.kill("driver")
    wait_for(lambda: not (cluster.state() or {})["activeapps"], "the end of the dead driver's executors")
    before = {file: file.stat().st_mtime_ns for file in shard_files(output)}
    assert 1 <= len(before) < SHARDS, f"{len(before)} shards were scored before the driver died"
    done = submitted(cluster, arguments(dump, output, tiny_model))
    assert done.returncode == 0, done.stderr[-3000:]
    after = {file: file.stat().st_mtime_ns for file in shard_files(output)}
    assert len(after) == SHARDS
    assert {file: after[file] for file in before} == before
    assert published(output) == like(published(undisturbed))
