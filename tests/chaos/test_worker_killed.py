"""Spark's Python workers killed with -9 while they score: Spark tries their tasks again, and no row is lost."""

import time

import pytest

from tests.chaos import state
from tests.chaos.campaign import Scene
from tests.chaos.victim import kill, start

pytestmark = pytest.mark.chaos


def test_a_run_whose_workers_are_killed_ends_as_if_nobody_had_disturbed_it(scene: Scene) -> None:
    output = scene.folder / "workers"
    victim = start(output, scene.config, scene.dump, scene.folder / "workers.log")
    killed = 0
    for _ in range(2):  # a task has four attempts
        reached = victim.wait_for(lambda: bool(state.in_the_making(output)) or victim.phase() == "deciding")
        assert reached, victim.log.read_text(errors="replace")[-3000:]
        if state.in_the_making(output):
            kill(workers := victim.workers())
            killed += len(workers)
            time.sleep(0.5)  # until its tasks are known to have failed
    assert victim.end() == 0, victim.log.read_text(errors="replace")[-3000:]
    assert killed
    found = state.visible(output)
    assert state.differences(found, scene.after) == []
    assert state.rows_in(found) == scene.rows
    assert len(state.stored_shards(output)) == scene.shards
    assert list(state.temporaries(output)) == []
    print(f"\n{killed} workers killed; the run went on", flush=True)
