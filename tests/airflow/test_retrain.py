"""Retraining with a tiny model: trained, compared, and promoted or not, as the report says."""

import datetime
import json
from pathlib import Path
from typing import Any

import pytest
from conftest import project
from days import state

REVIEWED = """
import random, sys
import pandas as pd
from moderation.sample.generate import Writer, load
draw, topics = random.Random(3), sorted(load("topics"))
writer, rows = Writer(draw), []
for number in range(900):
    kind = draw.choices(["polite", "insult", "threat"], [60, 25, 15])[0]
    split = "train" if number < 500 else "dev" if number < 650 else "test"
    rows.append((writer.write(kind, draw.choice(topics)), int(kind == "insult"), int(kind == "threat"), split))
pd.DataFrame(rows, columns=["text", "insult", "threat", "split"]).to_parquet(sys.argv[1])
"""
MODEL = """
import sys, pathlib
from tests.conftest import make_tiny_model
make_tiny_model(pathlib.Path(sys.argv[1]), labels=("insult", "threat"), entity_types=())
"""


def run(dag: Any, **params: Any) -> dict[str, str | None]:
    found = dag.test(logical_date=datetime.datetime.now(datetime.UTC), run_conf=params)
    return {instance.task_id: state(instance) for instance in found.get_task_instances()}


def test_a_model_is_trained_and_promoted_only_if_its_report_says_better(
    dags: Any, settings: Any, tmp_path: Path
) -> None:
    models = tmp_path / "models"
    project(REVIEWED, tmp_path / "reviewed.parquet")
    project(MODEL, tmp_path / "first")
    settings(model=str(tmp_path / "first"), reviewed=str(tmp_path / "reviewed.parquet"), models=str(models))

    states = run(dags("retrain"), epochs=1)

    report = json.loads(next(models.glob("*/report.json")).read_text(encoding="utf-8"))
    assert {line["figure"] for line in report["figures"]} == {"insult average_precision", "threat average_precision"}
    chosen, other = ("promote", "keep") if report["promote"] else ("keep", "promote")
    assert (states[chosen], states[other]) == ("success", "skipped")
    assert (models / "current").exists() == report["promote"]
    if report["promote"]:
        assert str((models / "current").resolve()) == report["candidate"]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({}, "no reviewed labels at None: set the param 'data' or the setting 'reviewed'"),
        ({"reviewed": __file__}, "no folder for models: set 'models' in the Variable 'moderation'"),
    ],
)
def test_what_is_missing_is_said_by_the_first_task(
    dags: Any, settings: Any, capfd: pytest.CaptureFixture[str], changed: dict[str, Any], message: str
) -> None:
    settings(**changed)
    states = run(dags("retrain"))
    assert states["check"] == "failed"
    assert set(states.values()) == {"failed", "upstream_failed"}
    assert message in capfd.readouterr().out
