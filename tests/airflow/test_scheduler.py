"""A real Airflow: scheduler, DAG processor, executor. One start for all, as it takes its time."""

import os
import signal
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from conftest import FASTER, PROJECT_PYTHON, moderation
from days import manifests, published
from local_airflow import LocalAirflow

PATIENCE = float(os.environ.get("AIRFLOW_TEST_PATIENCE", "900"))
DAYS = ["2026-01-05", "2026-01-06", "2026-01-07"]
DONE = ("success", "failed")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scheduled")


@pytest.fixture(scope="module")
def running(place: Path, sample: Path, tiny_model: Path) -> Any:
    moderation("ingest", sample, "--output", place / "days")
    settings = {
        "dump": f"{place}/days/date={{date}}",
        "output": str(place / "moderated"),
        "python": str(PROJECT_PYTHON),
        "model": str(tiny_model),
        "retry_seconds": 1,
        "wait_hours": 1000,
        "audit_margin": None,  # tried in test_days.py; here it would cost a Spark job a day
        "spark_conf": FASTER,
    }
    with LocalAirflow(place / "home", settings, PATIENCE) as found:
        yield found
    assert found.processes() == []


def backfill(running: LocalAirflow, behaviour: str) -> None:
    dates = ["--from-date", f"{DAYS[0]}T00:00:00+00:00", "--to-date", f"{DAYS[-1]}T00:00:00+00:00"]
    running.run(
        *("backfill", "create", "--dag-id", "moderate_daily", *dates),
        *("--max-active-runs", "1", "--reprocess-behavior", behaviour),
    )


def backfilled(running: LocalAirflow) -> list[dict[str, Any]]:
    return [run for run in running.runs("moderate_daily") if run["run_type"] == "backfill"]


def finished(running: LocalAirflow) -> bool:
    """Whether all runs are done and the scheduler has closed the backfill, before which no second may begin."""
    runs = backfilled(running)
    backfills = running.call("/api/v2/backfills?dag_id=moderate_daily")["backfills"]
    closed = all(backfill["completed_at"] for backfill in backfills)
    return closed and len(runs) == len(DAYS) and all(run["state"] in DONE for run in runs)


def kill_the_driver(place: Path) -> int:
    """Kills the first driver of ours that has begun to run; its process id."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            ours = str(place / "moderated").encode() in words and words[0].endswith(b"python")
            if ours and list((place / "moderated" / "runs").glob("*/manifest.json")):
                os.kill(int(entry.name), signal.SIGKILL)
                return int(entry.name)
        time.sleep(0.2)
    raise TimeoutError("no driver was seen")


def test_three_days_are_backfilled_though_a_driver_is_killed_and_a_second_backfill_changes_nothing(
    running: LocalAirflow, place: Path
) -> None:
    running.unpause("moderate_daily", "example_consumer")
    backfill(running, "none")
    kill_the_driver(place)
    running.wait(lambda: finished(running), "finished")

    assert [run["state"] for run in backfilled(running)] == ["success"] * 3
    found = published(place / "moderated")
    assert list(found) == DAYS
    assert all(rows == ids > 0 for rows, ids in found.values()), "no row is there twice"
    statuses = [run["status"] for run in manifests(place / "moderated")]
    assert statuses.count("published") == 3
    assert statuses.count("interrupted") == 1, "the driver that was killed"

    before = sorted((path, path.stat().st_mtime_ns) for path in place.glob("moderated/labelled/**/*.parquet"))
    ends = {run["end_date"] for run in backfilled(running)}
    backfill(running, "completed")
    running.wait(lambda: finished(running) and not ends & {run["end_date"] for run in backfilled(running)}, "redone")
    assert [run["state"] for run in backfilled(running)] == ["success"] * 3
    assert sorted((path, path.stat().st_mtime_ns) for path in place.glob("moderated/labelled/**/*.parquet")) == before


def test_the_asset_triggers_the_consumer_with_run_id_counts_and_rates(running: LocalAirflow, place: Path) -> None:
    running.wait(lambda: any(run["state"] == "success" for run in running.runs("example_consumer")), "consumed")
    run = next(run for run in running.runs("example_consumer") if run["state"] == "success")
    assert run["run_type"] == "asset_triggered"
    assert run["logical_date"] is None
    path = (
        f"/api/v2/dags/example_consumer/dagRuns/{quote(run['dag_run_id'])}/taskInstances/look_at_published/xcomEntries"
    )
    events = running.call(f"{path}/return_value")["value"]
    known = {manifest["run_id"]: manifest for manifest in manifests(place / "moderated")}
    assert events
    for event in events:
        manifest = known[event["run_id"]]
        assert manifest["status"] == "published"
        assert event["date"] == manifest["config"]["date"]
        assert event["counts"]["scored"] == manifest["counts"]["scored"] > 0
        assert 0 <= event["flag_rate"] <= 1
        assert set(event["flag_rates"]) == set(manifest["counts"]["labels"])


def test_a_range_of_days_is_mapped_and_what_is_published_already_is_skipped(running: LocalAirflow, place: Path) -> None:
    running.unpause("moderate_backfill")
    conf = {"first": DAYS[-1], "last": "2026-01-08"}
    path = "/api/v2/dags/moderate_backfill/dagRuns"
    run = running.call(path, {"logical_date": None, "conf": conf})["dag_run_id"]
    running.wait(lambda: all(one["state"] in DONE for one in running.runs("moderate_backfill")), "finished")

    states = running.tasks("moderate_backfill", run)
    steps = ("score", "validate", "publish", "announce")
    assert [states[f"one_day.{name}[0]"] for name in steps] == ["skipped"] * 4, "published by the daily DAG"
    assert [states[f"one_day.{name}[1]"] for name in steps] == ["success"] * 4
    assert list(published(place / "moderated")) == [*DAYS, "2026-01-08"]
