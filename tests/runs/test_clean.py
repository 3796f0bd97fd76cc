"""Cleaning removes what no kept run needs, and tells the bytes that this frees."""

import json
import os
from pathlib import Path

import pytest

from moderation.config import Config
from moderation.errors import UsageError
from moderation.runs.clean import clean
from moderation.runs.rollback import rollback
from moderation.runs.run import Run
from tests.runs.publications import MONDAY, TUESDAY, publication, stage, state

FORMATS = pytest.mark.parametrize("kind", ["parquet", "delta"])


def size(output: Path, below: str = "") -> int:
    """Bytes of Parquet files, hard links counted once."""
    found = {file.stat().st_ino: file.stat().st_size for file in (output / below).rglob("*.parquet")}
    return sum(found.values())


@pytest.fixture
def four(tmp_path):
    """Four publications of one input, and one of another at the beginning."""

    def make(kind):
        publication(tmp_path, {"bb": {MONDAY: 1}}, kind)
        return [publication(tmp_path, {"aa": {MONDAY: n, TUESDAY: n}}, kind).run_id for n in range(1, 5)]

    return make


@FORMATS
@pytest.mark.parametrize("keep", [1, 2, 4])
def test_kept_states_can_be_had_again_and_the_bytes_are_those_that_went(tmp_path, four, kind, keep) -> None:
    runs = four(kind)
    now, before = state(tmp_path), size(tmp_path)
    promised = clean(tmp_path, keep, dry_run=True)
    assert size(tmp_path) == before
    found = clean(tmp_path, keep)
    assert {**promised, "dry_run": False} == found
    assert found["kept"] == runs[-keep:]
    assert before - size(tmp_path) == found["bytes"] == found["versions"]["bytes"]
    assert found["bytes"] > 0 or keep == 4
    assert state(tmp_path) == now
    assert clean(tmp_path, keep)["bytes"] == 0
    for run_id in runs[-keep:]:
        rollback(tmp_path, run_id)
        assert set(state(tmp_path)[MONDAY, "aa"]) == {run_id}


def test_nothing_is_left_of_the_versions_when_only_the_present_is_kept(tmp_path, four) -> None:
    four("parquet")
    clean(tmp_path, 1)
    assert not (tmp_path / ".versions").exists()


def test_files_of_a_later_state_go_after_a_rollback(tmp_path, four) -> None:
    runs = four("delta")
    rollback(tmp_path, runs[0])
    clean(tmp_path, 1)
    with pytest.raises(UsageError, match="its files were removed"):
        rollback(tmp_path, runs[3])


def test_staged_rows_of_refused_runs_go(tmp_path) -> None:
    publication(tmp_path, {"aa": {MONDAY: 1}})
    stage(tmp_path / ".staging/refused/labelled", {"aa": {MONDAY: 9}}, "refused")
    staged = size(tmp_path, ".staging")
    assert clean(tmp_path, 1)["staging"] == {"files": 1, "bytes": staged}
    assert not (tmp_path / ".staging").exists()


def score(output: Path, run_id: str, key: str) -> Path:
    """Has a run's manifest name its scores, and stores some."""
    path = output / "runs" / run_id / "manifest.json"
    more = {"scores": {"key": key}, "inputs": [{"uri": "file:///x", "sha256": f"sha-{run_id}"}]}
    path.write_text(json.dumps(json.loads(path.read_text()) | more))
    shard = output / "scores" / key / f"sha-{run_id}" / "0-10.parquet"
    shard.parent.mkdir(parents=True)
    shard.write_bytes(b"scores")
    return shard


def test_scores_of_rows_that_are_still_published_stay_however_old_their_run_is(tmp_path) -> None:
    runs = [publication(tmp_path, {key: {MONDAY: 1}}).run_id for key in ("aa", "bb")]
    shards = [score(tmp_path, run_id, "model") for run_id in runs]
    assert clean(tmp_path, 1)["scores"]["files"] == 0
    assert all(shard.exists() for shard in shards)


def test_scores_of_rows_that_no_kept_state_has_go(tmp_path) -> None:
    runs = [publication(tmp_path, {"aa": {MONDAY: n}}).run_id for n in (1, 2)]
    old, new = (score(tmp_path, run_id, f"model-{n}") for n, run_id in enumerate(runs))
    assert clean(tmp_path, 2)["scores"] == {"files": 0, "bytes": 0}
    assert clean(tmp_path, 1)["scores"] == {"files": 1, "bytes": 6}
    assert (old.parents[1].exists(), new.exists()) == (False, True)


def test_scores_of_a_run_that_may_go_on_stay_and_those_before_it_go(tmp_path) -> None:
    runs = [publication(tmp_path, {"aa": {MONDAY: n}}).run_id for n in (1, 2)]
    old, new = (score(tmp_path, run_id, "model") for run_id in runs)
    os.utime(old, (0, 0))
    with pytest.raises(KeyboardInterrupt), Run(Config(output=tmp_path)) as run:
        half = score(tmp_path, run.manifest.run_id, "model")
        raise KeyboardInterrupt
    assert clean(tmp_path, 1)["scores"]["files"] == 1
    assert (old.exists(), new.exists(), half.exists()) == (False, True, True)


def test_at_least_the_present_state_is_kept(tmp_path) -> None:
    with pytest.raises(UsageError, match="--keep 0: keep at least 1"):
        clean(tmp_path, 0)
