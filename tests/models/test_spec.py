"""The section of a model folder's config that is ours, and what is said of mistakes in it."""

import json
from pathlib import Path
from typing import Any

import pytest
from model_edits import edit_json, refusal, set_config, set_section
from pydantic import ValidationError

from moderation.models.spec import Calibration, ModelSpec, Shape, read_spec

LABELS = ("rude", "kind")
THRESHOLDS = {"rude": 0.5, "kind": 0.9}


def spec(**values: Any) -> ModelSpec:
    return ModelSpec(**{"labels": LABELS, "thresholds": THRESHOLDS} | values)


def test_tags_are_outside_then_begin_and_inside_of_each_type_in_order() -> None:
    assert spec(entity_types=("PER", "LOC")).tags == ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")
    assert spec().tags == ("O",)


def test_outputs_are_the_labels_unless_they_are_named() -> None:
    assert spec().outputs == LABELS
    assert spec(outputs=("kind", None, "rude")).labels == LABELS


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"outputs": ("rude",)}, r"outputs report \['rude'\]"),
        ({"outputs": ("rude", "kind", "kind")}, "outputs report"),
        ({"outputs": ("rude", "kind", "other")}, "outputs report"),
        ({"labels": ("a",), "thresholds": {"a": 0.5}, "activation": "softmax"}, "at least two outputs"),
        ({"activation": "tanh"}, "activation"),
        ({"tags": ("O", "PER")}, "tag 'PER' is neither O"),
        ({"tags": ("O", "X-PER")}, "tag 'X-PER' is neither O"),
        ({"tags": ("O", "")}, "tag '' is neither O"),
        ({"tags": ("O", "B-PER"), "entity_types": ("PER", "LOC")}, r"no tag is of the entity types \['LOC'\]"),
    ],
)
def test_outputs_and_tags_that_do_not_fit_are_no_spec(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        spec(**values)


def test_tags_may_be_of_types_that_are_not_reported() -> None:
    found = spec(tags=("I-MISC", "S-PER", "O"), entity_types=("PER",))
    assert found.entity_types == ("PER",) and len(found.tags) == 3


@pytest.mark.parametrize(
    ("config", "positions"),
    [
        ({"model_type": "roberta", "max_position_embeddings": 514}, 512),
        ({"model_type": "xlm-roberta", "max_position_embeddings": 514}, 512),
        ({"model_type": "distilbert", "max_position_embeddings": 512}, 512),
        ({}, 512),
    ],
)
def test_a_roberta_has_two_positions_fewer_than_embeddings(config: dict[str, object], positions: int) -> None:
    assert Shape.model_validate(config).positions == positions


def test_distilbert_names_its_sizes_otherwise() -> None:
    shape = Shape.model_validate({"model_type": "distilbert", "dim": 32, "n_layers": 2, "hidden_dim": 64})
    assert (shape.hidden, shape.layers, shape.inner) == (32, 2, 64)


def test_a_label_without_calibration_keeps_its_probability() -> None:
    found = spec(calibration={"rude": Calibration(scale=2, shift=-1)})
    assert found.calibration_of("rude") == Calibration(scale=2, shift=-1)
    assert found.calibration_of("kind") == Calibration(scale=1, shift=0)


def test_a_spec_survives_its_own_json(tiny_model: Path) -> None:
    found = read_spec(tiny_model)
    assert ModelSpec.model_validate(json.loads(found.model_dump_json())) == found


@pytest.mark.parametrize("limit", [-0.01, 1.01, float("nan"), float("inf")])
def test_a_threshold_outside_zero_to_one_is_no_spec(limit: float) -> None:
    with pytest.raises(ValidationError, match=r"thresholds\.rude"):
        spec(thresholds=THRESHOLDS | {"rude": limit})


@pytest.mark.parametrize("limit", [0, 1])
def test_thresholds_of_zero_and_one_are_allowed(limit: float) -> None:
    assert spec(thresholds=THRESHOLDS | {"rude": limit}).thresholds["rude"] == limit


def test_windows_that_could_not_advance_are_no_spec() -> None:
    assert spec(max_tokens=16, overlap=13)
    with pytest.raises(ValidationError, match="overlap 14 leaves no room in a window of 16"):
        spec(max_tokens=16, overlap=14)


@pytest.mark.parametrize(
    ("section", "parts"),
    [
        ({"treshold": 1}, ["moderation.treshold", "Extra inputs"]),
        ({"thresholds": {"insult": 0.5}}, ["thresholds are for ['insult']"]),
        ({"max_tokens": 3}, ["moderation.max_tokens", "16"]),
        ({"max_tokens": "many"}, ["moderation.max_tokens"]),
        ({"overlap": -1}, ["moderation.overlap"]),
        ({"labels": "insult"}, ["moderation.labels"]),
        ({"calibration": {"anger": {}}}, ["unknown labels ['anger']"]),
        ({"calibration": {"insult": {"scale": 0}}}, ["moderation.calibration.insult.scale"]),
        ({"calibration": {"insult": {"slope": 1}}}, ["moderation.calibration.insult.slope"]),
    ],
)
def test_a_mistake_in_the_section_is_named_with_its_file(
    folder: Path, section: dict[str, Any], parts: list[str]
) -> None:
    set_section(folder, **section)
    message = refusal(folder)
    assert all(part in message for part in [str(folder / "config.json"), *parts])


@pytest.mark.parametrize("limit", [1.5, -1, None, "high"])
def test_a_bad_threshold_is_named(folder: Path, limit: object) -> None:
    edit_json(folder / "config.json", lambda config: config["moderation"]["thresholds"].update(threat=limit))
    assert "moderation.thresholds.threat" in refusal(folder)


def test_a_config_without_the_section_says_how_to_make_one(folder: Path) -> None:
    edit_json(folder / "config.json", lambda config: config.pop("moderation"))
    message = refusal(folder)
    assert "no 'moderation' section" in message and "moderation finetune" in message


@pytest.mark.parametrize("section", [3, "x", [], True])
def test_a_section_that_is_no_mapping_is_refused(folder: Path, section: object) -> None:
    set_config(folder, moderation=section)
    assert str(folder / "config.json") in refusal(folder)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]", b"null", b"3", b'"x"'])
def test_a_config_that_is_no_json_object_is_refused(folder: Path, content: bytes) -> None:
    (folder / "config.json").write_bytes(content)
    message = refusal(folder)
    assert str(folder) in message and "config.json" in message


def test_a_label_that_stands_twice_is_refused(folder: Path) -> None:
    edit_json(folder / "config.json", lambda config: config["moderation"]["labels"].__setitem__(0, "insult"))
    edit_json(folder / "config.json", lambda config: config["moderation"]["thresholds"].pop("offensive"))
    assert "insult" in refusal(folder)
