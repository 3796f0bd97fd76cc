"""Whole days through the daily DAG, with a real local Spark, and the weekly audit of such a day."""

import datetime
import shutil
from pathlib import Path
from typing import Any

import pytest
from conftest import moderation, project
from days import manifests, published, run_day, state

DAY = "2026-01-06"
REVIEWED = """
import sys
import pandas as pd
sample = pd.read_parquet(sys.argv[1])
lines = [
    (row.id, "offensive", "yes" if ("offensive" in row.labels) != (row.place % 5 == 0) else "no", "anna")
    for row in sample.itertuples()
]
pd.DataFrame(lines, columns=["row_id", "label", "verdict", "reviewer"]).to_csv(sys.argv[2], index=False)
"""


@pytest.fixture(scope="module")
def good_day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output of the good day, of which the next test draws on."""
    return tmp_path_factory.mktemp("good") / "moderated"


def test_a_good_day_is_published_by_the_builtin_model_and_a_second_run_of_it_is_skipped(
    dags: Any, settings: Any, good_day: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    settings(model="builtin", output=str(good_day))

    states = run_day(dags("moderate_daily"), DAY)

    steps = ("wait_for_dump", "score", "validate", "publish", "announce", "audit_sample")
    assert states == dict.fromkeys(steps, "success") | {"ingest": "skipped"}
    rows, ids = published(good_day)[DAY]
    assert rows == ids > 50
    assert [run["status"] for run in manifests(good_day)] == ["scored", "published"]
    assert len(list(good_day.glob("audits/*/sample.parquet"))) == 1

    capfd.readouterr()
    again = run_day(dags("moderate_daily"), DAY)
    assert again["score"] == again["validate"] == again["publish"] == again["announce"] == "skipped"
    assert "is published already" in capfd.readouterr().out
    assert published(good_day)[DAY] == [rows, ids]


def test_the_weekly_audit_logs_what_reviewers_said_and_leaves_a_report(
    dags: Any, settings: Any, good_day: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings(output=str(good_day))
    sample = next(good_day.glob("audits/*/sample.parquet"))
    drawn = sample.stat().st_mtime_ns
    project(REVIEWED, sample, tmp_path / "anna.csv")
    moderation("audit", "verdicts", "import", tmp_path / "anna.csv", "--output", good_day)

    run = dags("audit_weekly").test(logical_date=datetime.datetime.now(datetime.UTC))

    states = {instance.task_id: state(instance) for instance in run.get_task_instances()}
    assert states == dict.fromkeys(("check", "sample", "estimate", "report"), "success")
    assert sample.stat().st_mtime_ns == drawn, "the same sample"
    [figures] = [line for line in caplog.messages if line.startswith("offensive ") and line.count("[") == 4]
    assert figures in moderation("audit", "estimate", "--output", good_day).splitlines()
    page = sample.with_name("report.html").read_text(encoding="utf-8")
    assert manifests(good_day)[-1]["run_id"] in page


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
