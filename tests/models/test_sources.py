"""Folders in transformers' layout: imported once, and refused where they are not whole."""

import json
from pathlib import Path

import pytest
import torch
from families import make
from model_edits import edit_json, edit_weights, refusal, set_config
from safetensors.torch import load_file, save_file

import moderation
from moderation.models.load import find_model
from moderation.models.networks import load_network

pytestmark = pytest.mark.usefixtures("cache")
NAMES = ["calm", "rude", "vile"]
HEAD = "classifier.weight"


def kept(cache: Path) -> list[Path]:
    """What is in the cache but for locks."""
    return [path for path in cache.glob("*") if path.suffix != ".lock"]


@pytest.mark.parametrize(
    ("config", "names", "activation"),
    [
        ({}, NAMES, "softmax"),
        ({"problem_type": "single_label_classification"}, NAMES, "softmax"),
        ({"problem_type": "multi_label_classification"}, NAMES, "sigmoid"),
        ({}, ["spam"], "sigmoid"),
    ],
)
def test_labels_and_what_their_scores_are_come_from_the_config(
    tmp_path: Path, config: dict[str, str], names: list[str], activation: str
) -> None:
    spec = find_model(str(make(tmp_path / "m", "bert", "Sequence", names, **config))).spec
    assert (spec.labels, spec.outputs, spec.activation) == (tuple(names), tuple(names), activation)
    assert (spec.tags, spec.entity_types, spec.max_tokens) == ((), (), 66)


@pytest.mark.parametrize(
    ("names", "tags"),
    [
        (["B-LOC", "I-LOC", "O", "B-PER", "I-PER"], ("B-LOC", "I-LOC", "O", "B-PER", "I-PER")),
        (["O", "LOC", "PER"], ("O", "I-LOC", "I-PER")),
        (["U-LOC", "L-PER", "O"], ("U-LOC", "L-PER", "O")),
    ],
)
def test_tags_come_from_the_config_in_the_order_of_the_outputs(
    tmp_path: Path, names: list[str], tags: tuple[str, ...]
) -> None:
    spec = find_model(str(make(tmp_path / "m", "bert", "Token", names))).spec
    assert spec.tags == tags and set(spec.entity_types) == {"LOC", "PER"} and spec.labels == ()


def test_windows_are_no_longer_than_the_positions_and_than_256(tmp_path: Path) -> None:
    assert find_model(str(make(tmp_path / "short", "roberta", "Sequence", NAMES))).spec.max_tokens == 64
    long = make(tmp_path / "long", "bert", "Sequence", NAMES)
    set_config(long, max_position_embeddings=512)
    edit_weights(
        long, lambda weights: weights.update({"bert.embeddings.position_embeddings.weight": torch.zeros(512, 16)})
    )
    assert find_model(str(long)).spec.max_tokens == 256


def test_a_folder_is_imported_once_until_a_file_of_it_changes(plain: Path, cache: Path) -> None:
    first = find_model(str(plain))
    assert first.folder.parent == cache and [first.folder] == kept(cache)
    made = (first.folder / "config.json").stat().st_ino
    assert find_model(str(plain)).model_id == first.model_id
    assert (first.folder / "config.json").stat().st_ino == made
    edit_weights(plain, lambda weights: weights[HEAD].add_(1))
    assert find_model(str(plain)).model_id != first.model_id
    assert find_model(str(first.folder)).model_id == first.model_id, "what is imported is a model folder as any"


def test_an_imported_model_says_where_it_came_from(plain: Path) -> None:
    origin = json.loads((find_model(str(plain)).folder / "origin.json").read_text())
    assert origin["source"] == str(plain) and set(origin["files"]) == {
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    }


def test_weights_in_several_files_are_one_model(plain: Path) -> None:
    whole = find_model(str(plain)).network_id
    weights = load_file(plain / "model.safetensors")
    parts = [dict(list(weights.items())[number::2]) for number in range(2)]
    index = {}
    for number, part in enumerate(parts):
        save_file(part, plain / f"model-{number}.safetensors", metadata={"format": "pt"})
        index |= dict.fromkeys(part, f"model-{number}.safetensors")
    (plain / "model.safetensors").unlink()
    (plain / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}))
    assert find_model(str(plain)).network_id == whole
    (plain / "model-1.safetensors").unlink()
    assert refusal(plain).endswith("lacks model-1.safetensors")
    (plain / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"x": "../../else.safetensors"}}))
    assert "no file of the folder" in refusal(plain)


def test_a_missing_head_is_named_and_never_random(plain: Path, cache: Path) -> None:
    edit_weights(plain, lambda weights: (weights.pop(HEAD), weights.pop("classifier.bias")))
    assert "classifier.bias, classifier.weight are missing" in refusal(plain)
    assert kept(cache) == []


def test_a_bare_encoder_is_no_model(plain: Path) -> None:
    set_config(plain, architectures=["BertModel"])
    assert "architectures ['BertModel']; known are MultiTaskBert" in refusal(plain)


def test_weights_that_do_not_fit_are_named(plain: Path) -> None:
    edit_weights(plain, lambda weights: weights.update({"cls.predictions.bias": torch.zeros(3)}))
    assert "cls.predictions.bias have no place" in refusal(plain)
    edit_weights(plain, lambda weights: weights.pop("cls.predictions.bias"))
    set_config(plain, id2label={"0": "a", "1": "b"}, label2id={"a": 0, "b": 1})
    assert "classifier.weight (3, 16) instead of (2, 16)" in refusal(plain)


def test_what_transformers_itself_leaves_out_is_left_out(tmp_path: Path) -> None:
    plain = make(tmp_path / "m", "bert", "Token", ["O", "B-PER"])
    surplus = {"bert.embeddings.position_ids": torch.arange(66)[None], "bert.pooler.dense.bias": torch.zeros(16)}
    edit_weights(plain, lambda weights: weights.update(surplus))
    assert find_model(str(plain)).spec.entity_types == ("PER",)


def test_old_names_of_layer_norm_are_known(plain: Path) -> None:
    before = find_model(str(plain)).network_id

    def rename(weights: dict[str, torch.Tensor]) -> None:
        for name in [name for name in weights if "LayerNorm" in name]:
            old = name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")
            weights[old] = weights.pop(name)

    edit_weights(plain, rename)
    assert find_model(str(plain)).network_id == before


def test_a_regression_head_is_refused(plain: Path) -> None:
    set_config(plain, problem_type="regression", id2label={"0": "score"}, label2id={"score": 0})
    assert "gives no probabilities" in refusal(plain)


@pytest.mark.parametrize("family", ["gpt2", "nope", None])
def test_another_family_is_refused(plain: Path, family: object) -> None:
    set_config(plain, model_type=family)
    assert "known are bert, distilbert, roberta" in refusal(plain)


def test_code_in_a_folder_is_not_run(plain: Path, tmp_path: Path) -> None:
    evil = f"open({str(tmp_path / 'owned')!r}, 'w')"
    for name in ("evil.py", "tokenization_evil.py"):
        (plain / name).write_text(evil)
    automatic = {"AutoModelForSequenceClassification": "evil.Evil", "AutoConfig": "evil.Evil"}
    set_config(plain, auto_map=automatic)
    edit_json(
        plain / "tokenizer_config.json", lambda content: content.update(auto_map={"AutoTokenizer": ["evil.Evil", None]})
    )
    assert moderation.load(str(plain), "fp32").score(["hello"])[0].status == "scored"
    assert not (tmp_path / "owned").exists()
    assert "auto_map" not in (find_model(str(plain)).folder / "config.json").read_text()


def test_a_cache_that_is_no_folder_is_named(plain: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("")
    assert "set XDG_CACHE_HOME" in refusal(plain)


def test_an_imported_network_has_the_weights_of_the_folder(plain: Path) -> None:
    expected = load_file(plain / "model.safetensors")
    found = load_network(find_model(str(plain))).network.state_dict()
    assert set(found) == set(expected) and all(torch.equal(found[name], expected[name]) for name in found)
