"""What is kept, what is done again, and what is not: over the real job."""

import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from moderation.config import Config
from moderation.errors import UsageError
from moderation.pipeline import moderate
from moderation.redecide import decide
from tests.commands import ROOT
from tests.conftest import make_tiny_model
from tests.dumps import comment, read_rows, write_dump

POLICY = "rules: [{name: all_of_them, when: 'true', action: remove, severity: high}]\n"


@pytest.fixture
def place(tmp_path, tiny_model):
    """A dump of two files, a model that may go away, a policy, and an output folder."""
    for name in "ab":
        write_dump(
            tmp_path / f"dump/{name}.parquet", [comment(f"{name}{row}", f"text {name} {row}") for row in range(5)]
        )
    shutil.copytree(tiny_model, tmp_path / "model")
    (tmp_path / "policy.yaml").write_text(POLICY)
    return tmp_path


def run(place: Path, force: bool = False, **settings):
    config = {"input": place / "dump", "output": place / "out", "models": str(place / "model"), "precision": "fp32"}
    return moderate(Config(**config | settings), force)


def scored_of(manifest) -> dict[str, int]:
    """How many shards of each input were scored in a run."""
    return {Path(entry["uri"]).stem: entry["shards"]["scored"] for entry in manifest.inputs}


def answers(output: Path) -> dict[str, tuple]:
    return {row["id"]: (row["body"], row["scores"], row["entities"], row["text_sha256"]) for row in read_rows(output)}


def test_only_what_changed_is_scored_again(spark, place) -> None:
    assert scored_of(run(place)) == {"a": 1, "b": 1}
    before = answers(place / "out")
    write_dump(place / "dump/b.parquet", [comment("b0", "changed"), comment("b1", "you idiot")])
    second = run(place)
    assert scored_of(second) == {"a": 0, "b": 1}
    assert second.scores["shards"] == {"all": 2, "found": 1, "scored": 1}
    assert second.throughput["rows"] == 2
    after = answers(place / "out")
    assert {id: after[id] for id in after if id[0] == "a"} == {id: before[id] for id in before if id[0] == "a"}
    assert sorted(after) == ["a0", "a1", "a2", "a3", "a4", "b0", "b1"]
    shutil.rmtree(place / "model")
    make_tiny_model(place / "model", seed=11)
    assert scored_of(run(place)) == {"a": 1, "b": 1}


def test_another_policy_and_damaged_scores_cost_no_more_than_they_must(spark, place, caplog) -> None:
    run(place)
    before = answers(place / "out")
    second = run(place, policy=str(place / "policy.yaml"))
    assert scored_of(second) == {"a": 0, "b": 0}
    assert second.throughput == {"rows": 0, "scored": 0, "tokens": 0}
    assert answers(place / "out") == before
    assert {row["action"] for row in read_rows(place / "out")} == {"remove"}
    stored = sorted((place / "out/scores").rglob("*.parquet"))
    stored[0].write_bytes(stored[0].read_bytes()[:-9])
    content = bytearray(stored[1].read_bytes())
    content[40:100] = b"\xab" * 60  # inside a page: met when it is read
    stored[1].write_bytes(content)
    with caplog.at_level(logging.WARNING):
        run(place, force=True, policy=str(place / "policy.yaml"))
    assert caplog.text.count("are thrown away") == 2
    assert answers(place / "out") == before


def test_shards_between_those_that_are_kept_are_scored_again(spark, place) -> None:
    """Tasks end in any order, so that a run that goes on has kept shards here and there."""
    write_dump(place / "dump/c.parquet", [comment(f"c{row}", f"text {row % 99}") for row in range(16_000)])
    run(place)
    before = answers(place / "out")
    for path in (place / "out/scores").rglob("*.parquet"):
        if not path.name.startswith(("000001000-", "000004000-", "000009000-")):
            path.unlink()
    assert scored_of(run(place, force=True)) == {"a": 1, "b": 1, "c": 13}
    assert answers(place / "out") == before


def test_deciding_again_needs_the_scores_and_the_inputs_but_no_model(spark, place) -> None:
    first = run(place)
    before = answers(place / "out")
    shutil.rmtree(place / "model")
    with pytest.raises(UsageError, match="no run 'yesterday'"):
        decide(place / "out", run_id="yesterday")
    assert decide(place / "out").run_id == first.run_id  # its own policy: nothing to do
    second = decide(place / "out", policy=str(place / "policy.yaml"))
    assert answers(place / "out") == before
    rows = read_rows(place / "out")
    assert {(row["run_id"], row["action"], row["rules"][0]) for row in rows} == {
        (second.run_id, "remove", "all_of_them")
    }
    assert second.model == first.model and second.validation["success"]
    assert second.policy["policy_id"] != first.policy["policy_id"]
    shutil.rmtree(place / "out/scores")
    with pytest.raises(UsageError, match="2 of 2 shards have no scores"):
        decide(place / "out", force=True)
    write_dump(place / "dump/b.parquet", [comment("b0", "changed")])
    with pytest.raises(UsageError, match=r"b\.parquet: changed since run"):
        decide(place / "out", policy="default")
    assert answers(place / "out") == before


def command(place: Path, *more: str) -> list[str]:
    given = ["--input", str(place / "dump"), "--output", str(place / "out"), "--model", str(place / "model")]
    return [sys.executable, "-m", "moderation", "run", *given, "--precision", "fp32", *more]


def manifests(output: Path) -> list[dict]:
    return [json.loads(path.read_text()) for path in sorted((output / "runs").glob("*/manifest.json"))]


@pytest.mark.slow
def test_a_killed_driver_goes_on_where_it_was_and_a_done_run_does_nothing(place) -> None:
    rows = [comment(f"c{row}", f"number {row} " + "of many words " * (row % 40)) for row in range(16_000)]
    write_dump(place / "dump/c.parquet", rows)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    first = subprocess.Popen(command(place), env=environment, stderr=subprocess.DEVNULL)
    committed = committed_when(place / "out", 3, first)
    os.kill(first.pid, signal.SIGKILL)
    first.wait(60)
    assert 3 <= len(committed) < 18
    times = {path: path.stat().st_mtime_ns for path in committed}

    second = subprocess.run(command(place), env=environment, timeout=400, capture_output=True, text=True)
    assert second.returncode == 0, second.stderr[-5000:]
    dead, done = manifests(place / "out")
    assert (dead["status"], done["status"]) == ("interrupted", "published")
    assert done["scores"]["shards"]["all"] == 18
    assert len(committed) <= done["scores"]["shards"]["found"] < 18
    assert {path: path.stat().st_mtime_ns for path in committed} == times
    ids = [row["id"] for row in read_rows(place / "out")]
    assert len(ids) == len(set(ids)) == 16_010
    assert not list((place / "out").rglob("*.making"))

    no_java = environment | {"JAVA_HOME": str(place), "SPARK_HOME": ""}  # where Spark is asked for, it cannot start
    again = subprocess.run(command(place), env=no_java, check=True, timeout=200, capture_output=True, text=True)
    assert f"nothing to do: run {done['run_id']}" in again.stderr
    assert len(manifests(place / "out")) == 2
    forced = subprocess.run(command(place, "--force"), env=no_java, timeout=200, capture_output=True, text=True)
    assert forced.returncode == 2 and "Spark did not start" in forced.stderr


def committed_when(output: Path, count: int, process: subprocess.Popen) -> list[Path]:
    """The committed shards as soon as there are so many."""
    for _ in range(4000):
        found = [path for path in output.glob("scores/*/*/*.parquet") if not path.name.startswith(".")]
        if len(found) >= count:
            return found
        assert process.poll() is None, "the run ended before it could be killed"
        time.sleep(0.1)
    raise TimeoutError("no shard was committed")
