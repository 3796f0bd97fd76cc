"""Mistakes of the caller's: the first task fails with one line, nothing is tried again, nothing is started."""

import json
from pathlib import Path
from typing import Any

import pytest
from days import run_day, state

DAY = "2026-01-06"
REST = ("ingest", "score", "validate", "publish", "announce", "audit_sample")


@pytest.mark.parametrize(
    ("settings_changed", "params", "message"),
    [
        ({"spark_connection": "spark_typo"}, {}, "no Airflow connection 'spark_typo': add one of type spark"),
        ({"dump": "/no/such/dump/{date}"}, {}, "no dump for 2026-01-06 at /no/such/dump/2026-01-06: put it there, or"),
        ({}, {"polcy": "x.yaml"}, "unknown param 'polcy': set one of accept_shift, date, force, model, policy"),
        ({}, {"policy": "/no/such/policy.yaml"}, "policy /no/such/policy.yaml: no such file; set the param or setting"),
        ({"model": "/no/such/model"}, {}, "model /no/such/model: no such model folder"),
        (
            {"python": "/no/such/python", "spark_env": {"PATH": "/nowhere"}},
            {},
            "no spark-submit beside /no/such/",
        ),
    ],
)
def test_the_first_task_fails_with_one_line_and_nothing_follows(
    dags: Any,
    settings: Any,
    output: Path,
    capfd: pytest.CaptureFixture[str],
    settings_changed: dict[str, Any],
    params: dict[str, Any],
    message: str,
) -> None:
    settings(**settings_changed)

    states = run_day(dags("moderate_daily"), DAY, **params)

    assert states["wait_for_dump"] == "failed"
    assert {states[name] for name in REST} == {"upstream_failed"}
    assert not output.exists()
    assert message in capfd.readouterr().out


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, "no day to moderate: set the param 'first', as YYYY-MM-DD"),
        ({"first": DAY, "last": "2026-01-05"}, "param 'last' (2026-01-05) is before 'first' (2026-01-06)"),
        ({"first": DAY, "policy": "/no/such/policy.yaml"}, "policy /no/such/policy.yaml: no such file"),
        ({"first": DAY, "lats": DAY}, "unknown param 'lats'"),
    ],
)
def test_a_backfill_of_a_mistaken_range_starts_nothing(
    dags: Any, settings: Any, output: Path, capfd: pytest.CaptureFixture[str], params: dict[str, Any], message: str
) -> None:
    run = dags("moderate_backfill").test(run_conf=params)

    assert state(run.get_task_instance("plan_days")) == "failed"
    assert not output.exists()
    assert message in capfd.readouterr().out


def test_an_alert_goes_to_the_webhook_with_reason_and_links(
    dags: Any, settings: Any, webhook: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, received = webhook
    connection = {"conn_type": "http", "host": url, "extra": {"Authorization": "Bearer of-the-test"}}
    monkeypatch.setenv("AIRFLOW_CONN_ALERTS", json.dumps(connection))
    settings(dump="/no/such/dump", alert_connection="alerts")

    run_day(dags("moderate_daily"), DAY)

    assert len(received) == 1, "the tasks that never ran are silent"
    headers, event = received[0]
    assert headers["Authorization"] == "Bearer of-the-test"
    assert (event["dag"], event["task"]) == ("moderate_daily", "wait_for_dump")
    assert event["reason"].startswith("no dump for 2026-01-06")
    assert "log" in event["links"]


def test_a_webhook_that_is_down_does_not_change_how_the_task_ends(
    dags: Any, settings: Any, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_ALERTS", json.dumps({"conn_type": "http", "host": "http://127.0.0.1:9"}))
    settings(dump="/no/such/dump", alert_connection="alerts")
    assert run_day(dags("moderate_daily"), DAY)["wait_for_dump"] == "failed"
    log = capfd.readouterr().out
    assert "ALERT moderate_daily.wait_for_dump" in log
    assert "Failed to send notification" in log
