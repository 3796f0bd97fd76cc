"""Whole days through the daily DAG, with a real local Spark."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from days import manifests, published, run_day
from moderation_dags.jobs import has_command
from moderation_dags.settings import parse_settings

DAY = "2026-01-06"


def test_a_good_day_is_published_by_the_builtin_model_and_a_second_run_of_it_is_skipped(
    dags: Any, settings: Any, output: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    settings(model="builtin")

    can_sample = has_command(parse_settings(os.environ["AIRFLOW_VAR_MODERATION"]), "audit", "sample")
    states = run_day(dags("moderate_daily"), DAY)

    assert states == {
        "wait_for_dump": "success",
        "ingest": "skipped",
        "score": "success",
        "validate": "success",
        "publish": "success",
        "announce": "success",
        "audit_sample": "success" if can_sample else "skipped",
    }
    rows, ids = published(output)[DAY]
    assert rows == ids > 50
    assert [run["status"] for run in manifests(output)] == ["scored", "published"]
    assert bool(list(output.glob("audits/*/sample.parquet"))) == can_sample
    assert ("no command `moderation audit sample`" in capfd.readouterr().out) == (not can_sample)

    again = run_day(dags("moderate_daily"), DAY)
    assert again["score"] == again["validate"] == again["publish"] == again["announce"] == "skipped"
    assert "is published already" in capfd.readouterr().out
    assert published(output)[DAY] == [rows, ids]


def test_a_day_that_the_gate_refuses_fails_at_once_with_the_reasons_and_publishes_nothing(
    dags: Any, settings: Any, output: Path, sample: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    twice = tmp_path / "twice"
    shutil.copytree(sample, twice)
    shutil.copy(twice / "comments-1.parquet", twice / "copy.parquet")
    settings(dump=str(twice))

    states = run_day(dags("moderate_daily"), DAY)

    assert states["score"] == "success"
    assert states["validate"] == "failed"
    assert states["publish"] == states["announce"] == "upstream_failed"
    assert published(output) == {}
    assert manifests(output)[-1]["status"] == "refused"
    log = capfd.readouterr().out
    assert "refused to publish" in log
    assert "data_docs" in log
    assert "ALERT moderate_daily.validate" in log
    assert "Marking task as UP_FOR_RETRY" not in log
