"""A model that fails on one word, and the whole corpus published once."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from moderation.config import Config
from moderation.runs.manifest import Manifest
from tests.hostile.corpus import write_corpus

POISON = "poison"


@dataclass(frozen=True)
class Published:
    """The corpus after a run: where, what the run says of itself, and the model."""

    output: Path
    manifest: Manifest
    model: Path


def spoilt_model(tiny_model: Path, folder: Path) -> Path:
    """The tiny model with NaN for one word's embedding, as a bad sector or an overflow in training leaves it."""
    from safetensors.torch import load_file, save_file

    from moderation.models.load import load_tokenizer

    shutil.copytree(tiny_model, folder)
    weights = load_file(folder / "model.safetensors")
    (name,) = [name for name in weights if name.endswith("word_embeddings.weight")]
    weights[name][load_tokenizer(folder).token_to_id(POISON)] = float("nan")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


@pytest.fixture(scope="session")
def published(spark: Any, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Published:
    """The corpus, scored and published by one run."""
    from moderation.pipeline import moderate

    folder = tmp_path_factory.mktemp("corpus")
    write_corpus(folder / "in")
    model = spoilt_model(tiny_model, folder / "spoilt")
    hostile = {"max_quarantined": 1, "max_skipped": 1, "max_failed": 1}  # the corpus is meant to be bad
    config = Config(input=[folder / "in"], output=folder / "out", models=str(model), precision="fp32", gate=hostile)
    manifest = moderate(config)
    return Published(folder / "out", Manifest(**json.loads(json.dumps(manifest.__dict__, default=str))), model)
