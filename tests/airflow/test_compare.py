"""When a retrained model takes the place of the one in use."""

import json
from pathlib import Path
from typing import Any

from moderation_dags.compare import abilities, compare, point


def report(insult: float, threat: float | None = 0.5, person: float = 0.7) -> dict[str, Any]:
    labels: dict[str, Any] = {"insult": {"n": 900, "average_precision": figure(insult)}}
    labels["threat"] = {"too_few": True} if threat is None else {"n": 900, "average_precision": figure(threat)}
    return {"labels": labels, "entities": {"PER": {"f1": figure(person)}}}


def figure(value: float) -> dict[str, Any]:
    return {"value": value, "interval": [round(value - 0.05, 3), round(value + 0.05, 3)]}


def test_better_by_more_than_the_interval_is_promoted() -> None:
    verdict = compare(report(0.60), report(0.66))
    assert verdict["promote"]
    assert verdict["reason"] == "better: insult average_precision"


def test_better_within_the_interval_is_kept_back() -> None:
    verdict = compare(report(0.60), report(0.65))
    assert not verdict["promote"]
    assert verdict["reason"] == "no figure is better by more than its interval"


def test_better_in_one_and_worse_in_another_is_kept_back() -> None:
    assert compare(report(0.60, person=0.7), report(0.90, person=0.6))["reason"] == "worse or missing: PER f1"


def test_a_figure_that_the_candidate_lacks_stands_in_its_way_and_one_that_both_lack_does_not() -> None:
    assert not compare(report(0.60), report(0.90, threat=None))["promote"]
    assert compare(report(0.60, threat=None), report(0.90, threat=None))["promote"]


def test_the_link_moves_in_one_step(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    link = tmp_path / "current"
    point(link, tmp_path / "one")
    assert link.resolve() == tmp_path / "one"
    point(link, tmp_path / "two")
    assert link.resolve() == tmp_path / "two"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["current", "one", "two"]


def test_what_a_model_can_is_read_from_its_folder(tmp_path: Path) -> None:
    spec = {"moderation": {"labels": ["insult"], "entity_types": ["PER"]}}
    (tmp_path / "config.json").write_text(json.dumps(spec), encoding="utf-8")
    assert abilities(tmp_path) == {"insult", "PER"}
