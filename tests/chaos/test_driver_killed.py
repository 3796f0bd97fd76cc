"""A driver that is killed with -9 over and over: the same command goes on where it was, and nobody sees half a run."""

import json
import os
import random

import pytest

from tests.chaos import state
from tests.chaos.campaign import Campaign, Scene
from tests.chaos.victim import PHASES

pytestmark = pytest.mark.chaos
KILLS = int(os.environ.get("KILLS", "25"))
SEED = int(os.environ.get("CHAOS_SEED") or random.SystemRandom().randrange(10**6))


def test_a_run_killed_at_random_and_resumed_ends_as_if_nobody_had_disturbed_it(scene: Scene) -> None:
    print(f"\n{KILLS} kills, CHAOS_SEED={SEED}", flush=True)
    campaign = Campaign(scene, random.Random(SEED))
    life = 0
    every = len(PHASES) if 2 * len(PHASES) <= KILLS else 1  # phases in which a kill must land
    while campaign.hits.total() < KILLS or len(campaign.hits) < every:
        assert life <= KILLS, f"kills do not land: {campaign.hits}"
        campaign.live(life, max(1, KILLS - campaign.hits.total()))
        check_end(scene, campaign, life)
        life += 1
    print(f"phases hit: {dict(campaign.hits)}; ways: {dict(campaign.ways)}; shards in the making: {campaign.lost}")


def check_end(scene: Scene, campaign: Campaign, life: int) -> None:
    """What stands in the output of a run that came to its end after all."""
    output = scene.folder / f"life{life}"
    found = state.visible(output)
    assert state.differences(found, scene.after) == []
    assert state.rows_in(found) == scene.rows
    published = state.identifiers(found)
    assert len(set(published)) == len(published)
    assert len(state.stored_shards(output)) == scene.shards
    assert list(state.temporaries(output)) == []
    manifests = [json.loads(path.read_text()) for path in sorted(output.glob("runs/*/manifest.json"))]
    assert {manifest["status"] for manifest in manifests} <= {"published", "interrupted", "failed"}
    assert manifests[-1]["status"] == "published"
    again = campaign.attempt(output)
    assert again.end() == 0
    assert "nothing to do" in again.log.read_text()
    assert state.visible(output) == found
