"""A tiny untrained encoder, a handful of sentences and a recipe for them."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml

from moderation.resources import builtin_model
from moderation.training.make import make_model

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


@pytest.fixture(scope="session")
def base(tmp_path_factory) -> Path:
    """A tiny untrained encoder in transformers' layout."""
    return tiny_base(tmp_path_factory.mktemp("base"))


def tiny_base(folder: Path) -> Path:
    """Writes it."""
    import torch
    from tokenizers import Tokenizer
    from transformers import BertConfig, BertModel

    torch.manual_seed(1)
    rows = Tokenizer.from_file(str(builtin_model() / "tokenizer.json")).get_vocab_size()
    config = BertConfig(
        vocab_size=rows, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64
    )
    BertModel(config).save_pretrained(folder)
    shutil.copy(builtin_model() / "tokenizer.json", folder)
    return folder


@pytest.fixture(scope="session")
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


@pytest.fixture(scope="session")
def recipe(base, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("recipe") / "recipe.yaml"
    text_source = {"file": "texts.parquet", "labels": {"offensive": "bad"}}
    content = {
        "base": str(base),
        "labels": ["offensive"],
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


@pytest.fixture(scope="session")
def trained(recipe, data, tmp_path_factory) -> Path:
    output = tmp_path_factory.mktemp("trained") / "model"
    make_model(recipe, data, output, report=lambda line: None)
    return output
