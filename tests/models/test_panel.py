"""Several models as one: their labels side by side, and what is said where they do not go together."""

import json
import pickle
import shutil
from pathlib import Path
from typing import Any

import pytest

from moderation.errors import UsageError
from moderation.models.artefact import Artefact
from moderation.models.load import find_model
from moderation.models.panel import Models, find_panel, panel_of
from moderation.text.digest import file_digest


def refusal(models: Models) -> str:
    """The message for models that must be refused, which is one line."""
    with pytest.raises(UsageError) as caught:
        find_panel(models)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_labels_stand_in_the_order_of_the_models_and_shared_entity_types_once(panel_models: list[str]) -> None:
    panel = find_panel(panel_models)
    assert panel.labels == ("rude", "kind", "spam")
    assert panel.entity_types == ("LOC", "ORG", "PER")
    assert panel.thresholds == {"rude": 0.5, "kind": 0.5, "spam": 0.5}
    assert find_panel(panel_models[::-1]).labels == ("spam", "rude", "kind")


def test_one_model_keeps_its_own_digest_and_several_have_one_of_theirs(panel_models: list[str]) -> None:
    own = find_model(panel_models[0])
    for one in (panel_models[0], [panel_models[0]], {"source": panel_models[0]}, Path(panel_models[0])):
        assert find_panel(one).model_id == own.model_id
    assert panel_of(own).model_id == own.model_id
    ids = {find_panel(models).model_id for models in (panel_models, panel_models[:2], panel_models[1::-1])}
    assert len(ids) == 3 and all(len(found) == 16 for found in ids)


@pytest.mark.parametrize("other", ["rude", "RUDE"])
def test_a_label_of_two_models_is_refused_with_the_way_out(panel_models: list[str], tmp_path: Path, other: str) -> None:
    folder = shutil.copytree(panel_models[1], tmp_path / "other")
    content = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    content["moderation"] |= {"labels": [other], "outputs": [other], "thresholds": {other: 0.5}}
    (folder / "config.json").write_text(json.dumps(content), encoding="utf-8")
    message = refusal([panel_models[0], str(folder)])
    assert all(part in message for part in (panel_models[0], str(folder), f"'{other}'", f"{other}: null"))


def test_the_same_model_twice_is_refused(panel_models: list[str]) -> None:
    assert "both give the label 'rude'" in refusal([panel_models[0], panel_models[0]])


def test_no_model_is_refused() -> None:
    assert "models is empty" in refusal([])


@pytest.mark.parametrize(
    ("entry", "parts"),
    [
        ({"sorce": "a"}, ["unknown key 'sorce'"]),
        ({"source": "nowhere"}, ["'nowhere'"]),
        ({"thresholds": {"rude": 1.5}}, ["thresholds.rude", "1.5"]),
        ({"thresholds": {"anger": 0.5}}, ["unknown label 'anger'", "rude, kind"]),
        ({"digest": "0000"}, ["digest", "0000"]),
        ({"labels": {"anger": "wrath"}}, ["labels: unknown 'anger'", "rude, kind"]),
        ({"labels": {"rude": "kind"}}, ["labels", "both be 'kind'"]),
        ({"entities": {"PER": "PERSON"}}, ["entities: unknown 'PER'"]),
        ({"taxonomy": "tweets"}, ["taxonomy 'tweets' is none of", "perspective"]),
        ({"labels": {"rude": "bad"}, "thresholds": {"rude": 0.5}}, ["thresholds: unknown label 'rude'", "bad, kind"]),
        ({"calibration": "nowhere.json"}, ["nowhere.json: no such file"]),
    ],
)
def test_a_mistake_in_an_entry_is_named(panel_models: list[str], entry: dict[str, Any], parts: list[str]) -> None:
    message = refusal([{"source": panel_models[0], **entry}])
    assert all(part in message for part in parts), message


def test_a_model_whose_digest_is_the_one_asked_for_is_taken(panel_models: list[str]) -> None:
    digest = find_model(panel_models[0]).model_id
    for asked in (digest, digest[:8]):
        assert find_panel({"source": panel_models[0], "digest": asked}).model_id == digest
    assert digest in refusal({"source": panel_models[0], "digest": digest[::-1]})


def test_thresholds_of_an_entry_stand_over_the_models_and_make_another_model_id(panel_models: list[str]) -> None:
    plain, strict = find_panel(panel_models[0]), find_panel({"source": panel_models[0], "thresholds": {"kind": 0.9}})
    assert strict.thresholds == {"rude": 0.5, "kind": 0.9}
    assert plain.model_id != strict.model_id and plain != strict
    assert plain.sources[0].network_id == strict.sources[0].network_id


def test_two_models_with_one_label_go_together_under_other_names(panel_models: list[str]) -> None:
    other = {"source": panel_models[0], "labels": {"rude": "rude_2", "kind": None}, "thresholds": {"rude_2": 0.1}}
    panel = find_panel([panel_models[0], other])
    assert panel.labels == ("rude", "kind", "rude_2")
    assert panel.thresholds == {"rude": 0.5, "kind": 0.5, "rude_2": 0.1}
    assert len({source.model_id for source in panel.sources}) == 2


def test_entity_types_meet_under_new_names_and_dropped_ones_are_gone(panel_models: list[str]) -> None:
    renamed = {"source": panel_models[2], "entities": {"PER": "ORG", "LOC": None}}
    assert find_panel([panel_models[1], renamed]).entity_types == ("LOC", "ORG")


def test_a_taxonomy_names_the_builtin_models_labels() -> None:
    panel = find_panel({"source": "builtin", "taxonomy": "perspective", "labels": {"obscene": "SWEARING"}})
    assert {"TOXICITY", "SEVERE_TOXICITY", "IDENTITY_ATTACK", "INSULT", "SWEARING", "THREAT"} <= set(panel.labels)


def test_a_calibration_knows_the_model_by_its_own_labels(panel_models: list[str], tmp_path: Path) -> None:
    entry = {"source": panel_models[0], "labels": {"rude": "toxic"}}
    plain = find_panel(entry)
    fitted = find_panel({**entry, "calibration": str(calibration(panel_models[0], tmp_path / "rude.json"))})
    assert fitted.thresholds == {"toxic": 0.3, "kind": 0.5} != plain.thresholds
    assert fitted.sources[0].spec.calibration_of("toxic").scale == 2.0


def test_a_panel_that_spark_has_sent_is_known_as_the_same(panel_models: list[str]) -> None:
    panel = find_panel(panel_models)
    sent = pickle.loads(pickle.dumps(panel))
    assert sent == panel == find_panel(panel_models) and hash(sent) == hash(panel)
    assert sent != find_panel(panel_models[:2]) and sent != find_panel(panel_models[::-1]) and sent != "panel"


def test_a_folder_that_holds_another_model_elsewhere_is_noticed(panel_models: list[str], tmp_path: Path) -> None:
    folder = shutil.copytree(panel_models[0], tmp_path / "model")
    panel = find_panel([{"source": str(folder), "thresholds": {"kind": 0.9}}])
    panel.verify()
    (folder / "config.json").write_text((folder / "config.json").read_text(encoding="utf-8") + " ", encoding="utf-8")
    with pytest.raises(UsageError, match=f"{folder} has the digest"):
        panel.verify()


def test_names_are_short_and_told_apart(panel_models: list[str]) -> None:
    assert find_panel(panel_models).names == ("rude", "spam", "names")
    assert find_panel([f"{panel_models[2]}/", panel_models[2]]).names == ("names#1", "names#2")


def test_the_manifest_says_of_each_model_what_it_is(panel_models: list[str], tmp_path: Path) -> None:
    artefact = calibration(panel_models[0], tmp_path / "rude.json")
    panel = find_panel([{"source": panel_models[0], "calibration": str(artefact)}, *panel_models[1:]])
    said = panel.describe()
    assert said["model_id"] == panel.model_id
    assert [one["source"] for one in said["models"]] == panel_models
    assert [one["calibrated_by"] for one in said["models"]] == [file_digest(artefact), None, None]
    assert said["models"][0]["thresholds"] == {"rude": 0.3, "kind": 0.5}
    assert said["models"][2]["entity_types"] == ["PER", "LOC"]
    assert json.loads(json.dumps(said)) == said


def calibration(model: str, path: Path) -> Path:
    """A file as `moderation calibrate` writes it."""
    figures = dict.fromkeys(("base_rate", "ece_before", "ece_after", "precision", "recall", "macro_f1"), 0.5)
    fitted = {
        "calibration": {"scale": 2.0},
        "threshold": 0.3,
        "criterion": "f1",
        "column": "rude",
        "log_loss": {},
        "output": 0,
    }
    content = {
        "network_id": find_model(model).network_id,
        "data": {"sha256": "0" * 64, "rows": 10},
        "labels": {"rude": {**fitted, **figures, "rows": 10, "positives": 5}},
    }
    path.write_text(Artefact.model_validate(content).text(), encoding="utf-8")
    return path
