"""The main job with several models: every column of every model, in one run."""

import logging
from pathlib import Path

import pytest

from moderation.config import Config
from moderation.errors import UsageError
from moderation.inference.moderator import Moderator
from moderation.pipeline import moderate
from moderation.spark.worker import worker_engine
from tests.dumps import comment, read_rows, write_dump

BODIES = ["you fool", "nice weather in Paris", "[deleted]", "Angela Merkel in Berlin " * 30, "you fool"]
POLICY = """
rules:
  - {name: both, when: scores.rude >= 0 AND scores.spam >= 0, action: review, severity: low}
  - {name: about_a_person, when: "exists(entities, e -> e.type = 'PER')", action: limit, severity: high}
"""


@pytest.fixture
def job(spark, panel_models, tmp_path):
    """Calls the main job on some comments."""
    rows = [comment(str(number), body) for number, body in enumerate(BODIES)]
    settings = {"precision": "fp32", "input": [write_dump(tmp_path / "dump.parquet", rows)]}
    return lambda **given: moderate(Config(**settings | {"output": tmp_path / "out", "models": panel_models} | given))


def test_a_run_of_three_models_publishes_what_each_says_alone(job, panel_models, tmp_path, caplog) -> None:
    with caplog.at_level(logging.WARNING, "moderation"):
        manifest = job()
    rows = read_rows(tmp_path / "out")
    for number, model in enumerate(panel_models):
        for row, alone in zip(rows, Moderator.load(model, "fp32").score(BODIES), strict=True):
            assert row["status"] == alone.status
            assert {label: row["scores"][label] for label in alone.scores} == pytest.approx(alone.scores, abs=1e-4)
            if number == 0:
                assert (row["token_count"], row["window_count"]) == (alone.token_count, alone.window_count)
    assert list(rows[0]["scores"]) == ["rude", "kind", "spam"]
    assert {entity["type"] for row in rows for entity in row["entities"]} <= {"LOC", "ORG", "PER"}
    assert {row["model_id"] for row in rows} == {manifest.model["model_id"]}
    assert [model["source"] for model in manifest.model["models"]] == panel_models
    assert list(manifest.counts["labels"]) == ["rude", "kind", "spam"]
    assert list(manifest.counts["entities"]) == ["LOC", "ORG", "PER"]
    assert manifest.throughput["seconds"]["model"] > 0
    assert_default_policy_adapted(manifest.policy, caplog)


def assert_default_policy_adapted(policy: dict, caplog) -> None:
    """One note says which rules are left out and why; the manifest says so, too."""
    (note,) = [record.getMessage() for record in caplog.records if "default policy" in record.getMessage()]
    assert policy["rules"] == [] and policy["left_out"] in note
    assert "threat (label threat)" in note and "attack_on_identity (label identity_attack, label offensive)" in note


def test_a_policy_may_speak_of_all_models(job, tmp_path) -> None:
    (tmp_path / "policy.yaml").write_text(POLICY)
    manifest = job(policy=str(tmp_path / "policy.yaml"))
    rows = read_rows(tmp_path / "out")
    assert manifest.policy["left_out"] == ""
    for row in rows:
        people = [entity for entity in row["entities"] if entity["type"] == "PER"]
        assert ("both" in row["rules"]) == (row["status"] == "scored")
        assert ("about_a_person" in row["rules"]) == bool(people)


def test_models_without_a_label_are_refused_before_any_work(job, panel_models, tmp_path) -> None:
    with pytest.raises(UsageError, match="give no label"):
        job(models=panel_models[2])
    assert not (tmp_path / "out").exists()


def test_a_worker_loads_equal_panels_once(panel_models, tmp_path: Path) -> None:
    import pickle

    from moderation.inference.devices import Device
    from moderation.models.panel import find_panel

    panel, place = find_panel(panel_models[:2]), Device("cpu", "torch")
    engine, _ = worker_engine(panel, "fp32", place)
    assert worker_engine(pickle.loads(pickle.dumps(panel)), "fp32", place)[0] is engine
    strict = find_panel([{"source": panel_models[0], "thresholds": {"rude": 0.9}}, panel_models[1]])
    other, _ = worker_engine(strict, "fp32", place)
    assert other is not engine and other.panel.thresholds["rude"] == 0.9
