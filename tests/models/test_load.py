"""Weights and tokenizer: all of them or an error that names what is wrong."""

from pathlib import Path
from typing import Any

import pytest
import torch
from model_edits import edit_json, edit_weights, refusal, set_config, set_section
from torch import Tensor

import moderation
from moderation.errors import UsageError
from moderation.models.load import find_model, load_multitask, load_tokenizer

QUERY = "encoder.encoder.layer.0.attention.self.query.weight"


def test_a_network_is_loaded_in_fp32_ready_to_predict(tiny_model: Path) -> None:
    network = load_multitask(find_model(str(tiny_model)))
    assert {weight.dtype for weight in network.state_dict().values()} == {torch.float32}
    assert not network.training


def test_two_loads_give_the_same_weights(tiny_model: Path) -> None:
    one, two = (load_multitask(find_model(str(tiny_model))).state_dict() for _ in range(2))
    assert all(torch.equal(one[name], two[name]) for name in one)


@pytest.mark.parametrize("name", ["label_head.weight", "label_head.bias", "tag_head.weight", QUERY])
def test_a_missing_weight_is_named_and_never_random(folder: Path, name: str) -> None:
    edit_weights(folder, lambda weights: weights.pop(name))
    message = refusal(folder)
    assert name in message and str(folder) in message


@pytest.mark.parametrize("name", ["label_head.weight", "tag_head.bias", QUERY])
def test_a_misshapen_weight_is_named(folder: Path, name: str) -> None:
    def cut(weights: dict[str, Tensor]) -> None:
        weights[name] = weights[name][:-1].contiguous()

    edit_weights(folder, cut)
    assert name in refusal(folder)


def test_a_weight_that_the_network_does_not_have_is_named(folder: Path) -> None:
    edit_weights(folder, lambda weights: weights.update(surplus=torch.zeros(1)))
    assert "surplus" in refusal(folder)


def test_fewer_labels_than_the_weights_have_are_refused(folder: Path) -> None:
    set_section(folder, labels=["insult"], outputs=["insult"], thresholds={"insult": 0.5})
    assert "label_head.weight" in refusal(folder)


@pytest.mark.parametrize("size", [0, 7, 1000])
def test_a_truncated_weights_file_is_refused(folder: Path, size: int) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:size])
    message = refusal(folder)
    assert str(folder) in message and "model.safetensors" in message


@pytest.mark.parametrize("content", ["", "{}", "[]", "not json"])
def test_a_broken_tokenizer_is_refused(folder: Path, content: str) -> None:
    (folder / "tokenizer.json").write_text(content)
    message = refusal(folder)
    assert str(folder) in message and "tokenizer.json" in message


def test_a_tokenizer_without_the_special_tokens_is_refused(folder: Path) -> None:
    def rename(content: dict[str, Any]) -> None:
        vocabulary = content["model"]["vocab"]
        vocabulary["[OTHER]"] = vocabulary.pop("[CLS]")
        content["added_tokens"] = [token for token in content["added_tokens"] if token["content"] != "[CLS]"]
        content["post_processor"] = None

    edit_json(folder / "tokenizer.json", rename)
    assert "[CLS]" in refusal(folder)


def test_a_vocabulary_beyond_the_embeddings_is_refused(folder: Path) -> None:
    edit_json(folder / "tokenizer.json", lambda content: content["model"]["vocab"].update(beyond=99999))
    assert "tokenizer.json" in refusal(folder)


def test_windows_longer_than_the_position_embeddings_are_refused(folder: Path) -> None:
    set_section(folder, max_tokens=1024)
    message = refusal(folder)
    assert "1024" in message and "512" in message


@pytest.mark.parametrize("values", [{"hidden_size": "x"}, {"num_attention_heads": 5}, {"hidden_act": "nope"}])
def test_an_encoder_config_that_makes_no_network_is_refused(folder: Path, values: dict[str, object]) -> None:
    set_config(folder, **values)
    assert str(folder) in refusal(folder)


def test_an_unknown_precision_is_refused(tiny_model: Path) -> None:
    with pytest.raises(UsageError, match="fp16"):
        moderation.load(str(tiny_model), "fp16")


@pytest.mark.parametrize("name", ["truncation", "padding"])
def test_what_the_tokenizer_file_says_of_cutting_and_padding_is_ignored(folder: Path, name: str) -> None:
    settings = {
        "truncation": {"direction": "Right", "max_length": 8, "strategy": "LongestFirst", "stride": 0},
        "padding": {
            "strategy": {"Fixed": 40},
            "direction": "Right",
            "pad_to_multiple_of": None,
            "pad_id": 0,
            "pad_type_id": 0,
            "pad_token": "[PAD]",
        },
    }
    edit_json(folder / "tokenizer.json", lambda content: content.update({name: settings[name]}))
    encoded = load_tokenizer(folder).encode(
        "one two three four five six seven eight nine ten", add_special_tokens=False
    )
    assert len(encoded.ids) == 10
