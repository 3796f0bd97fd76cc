"""Fine-tuning on a handful of sentences: a model folder that the rest of the project takes as it is."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from moderation.errors import UsageError
from moderation.inference.moderator import Moderator
from moderation.resources import builtin_model
from moderation.training.make import make_model
from moderation.training.recipe import read_recipe

RUDE = [
    "you stupid fool",
    "what a stupid idiot you are",
    "shut up fool",
    "idiot",
    "stupid stupid man",
    "fool and idiot",
]
KIND = [
    "lovely weather today",
    "thank you my friend",
    "what a good recipe",
    "see you soon",
    "the train was late",
    "tea",
]


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    """A tiny untrained encoder in transformers' layout."""
    import torch
    from tokenizers import Tokenizer
    from transformers import BertConfig, BertModel

    torch.manual_seed(1)
    folder = tmp_path_factory.mktemp("base")
    rows = Tokenizer.from_file(str(builtin_model() / "tokenizer.json")).get_vocab_size()
    config = BertConfig(
        vocab_size=rows, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64
    )
    BertModel(config).save_pretrained(folder)
    shutil.copy(builtin_model() / "tokenizer.json", folder)
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    texts = [
        f"{text} {end}" for text in RUDE + KIND for end in ("", "now", "here", "again", "today", "then", "so", "ok")
    ]
    frame = pd.DataFrame({"text": texts, "bad": [1] * 48 + [0] * 48, "source": "made", "license": "none"})
    rows = [frame.assign(split="train"), frame.assign(split="dev")]
    pd.concat(rows).to_parquet(folder / "texts.parquet")
    words = [["Anna", "went", "to", "Rome"], ["Rome", "is", "old"], ["I", "saw", "Anna"]] * 20
    tags = [["B-PER", "O", "O", "B-LOC"], ["B-LOC", "O", "O"], ["O", "O", "B-PER"]] * 20
    frame = pd.DataFrame({"tokens": words, "tags": tags, "source": "made", "license": "none"})
    rows = [frame.assign(split="train"), frame.assign(split="dev")]
    pd.concat(rows).to_parquet(folder / "words.parquet")
    return folder


@pytest.fixture(scope="module")
def recipe(base, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("recipe") / "recipe.yaml"
    text_source = {"file": "texts.parquet", "labels": {"offensive": "bad"}}
    content = {
        "base": str(base),
        "labels": ["offensive", "insult"],
        "entity_types": ["PER", "LOC"],
        "max_tokens": 32,
        "overlap": 8,
        "texts": [text_source],
        "tokens": [{"file": "words.parquet", "types": ["PER", "LOC"]}],
        "calibration": [text_source],
        "functional": "builtin",
        "epochs": 12,
        "batch_tokens": 256,
        "learning_rate": 0.003,
        "head_learning_rate": 0.01,
    }
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.fixture(scope="module")
def trained(recipe, data, tmp_path_factory) -> Path:
    output = tmp_path_factory.mktemp("trained")
    make_model(recipe, data, output, report=lambda line: None)
    return output


def test_the_model_learns_texts_and_entities(trained) -> None:
    rude, kind, named = Moderator.load(str(trained)).score(["stupid idiot", "lovely tea", "Anna is old"])
    assert rude.scores["offensive"] > 0.8 > 0.2 > kind.scores["offensive"]
    assert ("offensive" in rude.labels, "offensive" in kind.labels) == (True, False)
    assert [(entity.text, entity.type) for entity in named.entities] == [("Anna", "PER")]


def test_a_label_that_no_row_judged_is_left_as_it_was(trained, recipe) -> None:
    """Masked targets give no gradient: the head of `insult` moves by weight decay alone."""
    import torch
    from safetensors.torch import load_file

    from moderation.models.base import load_base
    from moderation.models.load import find_model

    read = read_recipe(recipe)
    torch.manual_seed(read.seed)
    before = load_base(read.base).network(find_model(str(trained)).spec).label_head.weight.detach()
    after = load_file(trained / "model.safetensors")["label_head.weight"].float()
    change = (after - before).abs().max(dim=1).values
    assert change[1] < 0.01 * change[0]


def test_the_folder_has_a_card_with_what_was_measured(trained) -> None:
    card = (trained / "MODEL_CARD.md").read_text()
    assert "| made | offensive | 96 |" in card
    assert "| made | PER | 40 |" in card
    assert "Known limits" in card
    assert card.index("## Functional cases") < card.index("| negated_insult ") < card.index("| nurses ")


def test_thresholds_and_calibration_are_in_the_config(trained) -> None:
    from moderation.models.load import find_model

    spec = find_model(str(trained)).spec
    assert set(spec.calibration) == {"offensive"}
    assert 0 < spec.thresholds["offensive"] < 1


def test_weights_are_stored_in_half_precision(trained) -> None:
    from safetensors.numpy import load_file

    assert {tensor.dtype for tensor in load_file(trained / "model.safetensors").values()} == {np.dtype(np.float16)}


def test_a_label_outside_the_list_is_named(recipe, data, tmp_path) -> None:
    content = yaml.safe_load(recipe.read_text())
    content["texts"][0]["labels"] = {"rudeness": "bad"}
    (tmp_path / "r.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(UsageError, match="rudeness"):
        make_model(tmp_path / "r.yaml", data, tmp_path / "m", report=lambda line: None)
    assert not (tmp_path / "m").exists()


def test_functional_cases_that_are_not_there_are_named_before_the_training(recipe, data, tmp_path) -> None:
    content = yaml.safe_load(recipe.read_text()) | {"functional": "nowhere"}
    (tmp_path / "r.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(UsageError, match="'nowhere' is neither"):
        make_model(tmp_path / "r.yaml", data, tmp_path / "m", report=lambda line: None)
    assert not (tmp_path / "m").exists()


def test_a_base_that_is_not_there_is_named(recipe, data, tmp_path) -> None:
    content = yaml.safe_load(recipe.read_text()) | {"base": str(tmp_path / "nowhere")}
    (tmp_path / "r.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(UsageError, match="nowhere lacks"):
        make_model(tmp_path / "r.yaml", data, tmp_path / "m", report=lambda line: None)
