"""Finds a model, checks that it is whole, and loads it without running anybody's code."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from moderation import resources
from moderation.errors import UsageError
from moderation.models.spec import SECTION, ModelSpec, Shape, read_config, read_shape, read_spec
from moderation.text.digest import file_digest, folder_digest, text_digest

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from moderation.models.multitask import MultiTaskBert

FILES = ["config.json", "model.safetensors", "tokenizer.json"]
DIGEST_LENGTH = 16  # hexadecimal digits of a model or policy digest in rows: 64 bits tell any two apart


@dataclass(frozen=True)
class ModelSource:
    """A model that was found and described but not loaded: cheap, for the driver."""

    folder: Path
    spec: ModelSpec
    shape: Shape
    model_id: str

    @cached_property
    def network_id(self) -> str:
        """A digest of the network alone: other names, other thresholds or another calibration do not change it."""
        config = read_config(self.folder) | {SECTION: [len(self.spec.outputs), len(self.spec.tags)]}
        weights = file_digest(self.folder / "model.safetensors")
        return text_digest(json.dumps(config, sort_keys=True) + weights)[:DIGEST_LENGTH]


def find_model(source: str) -> ModelSource:
    """Finds `builtin` or a model folder and digests it; raises `UsageError` that names what is missing."""
    folder = resources.builtin_model() if source == "builtin" else Path(source)
    if not folder.is_dir():
        raise UsageError(f"model '{source}' is neither 'builtin' nor a folder")
    if missing := [name for name in FILES if not (folder / name).is_file()]:
        raise UsageError(f"model folder {folder} lacks {', '.join(missing)}")
    spec, shape = read_spec(folder), read_shape(folder)
    if spec.max_tokens > shape.positions:
        raise UsageError(
            f"model {folder}: moderation.max_tokens {spec.max_tokens} is more than the {shape.positions} positions of "
            "the encoder"
        )
    return ModelSource(folder, spec, shape, folder_digest(folder, FILES)[:DIGEST_LENGTH])


def load_tokenizer(folder: Path) -> "Tokenizer":
    """Loads the Rust tokenizer with nothing cut and nothing padded; special tokens in a text are read as text."""
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    except Exception as error:  # tokenizers raises no narrower class
        raise UsageError(f"model {folder}: tokenizer.json cannot be read ({error})") from error
    if missing := [name for name in ("[CLS]", "[SEP]") if tokenizer.token_to_id(name) is None]:
        raise UsageError(f"model {folder}: tokenizer.json has no {', '.join(missing)}")
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = True  # a comment that says "[SEP]" must not end the sequence
    return tokenizer


def load_network(source: ModelSource) -> "MultiTaskBert":
    """Loads the weights in fp32, all of them: a missing or misshapen weight is an error, never a random head."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file
    from transformers import BertConfig

    from moderation.models.multitask import MultiTaskBert

    try:
        config = BertConfig.from_json_file(source.folder / "config.json")
        network = MultiTaskBert(config, source.spec)
    except Exception as error:  # transformers raises whatever the value at fault brings about
        raise UsageError(f"model {source.folder}: config.json makes no BERT: {' '.join(str(error).split())}") from error
    try:
        weights = {name: tensor.float() for name, tensor in load_file(source.folder / "model.safetensors").items()}
    except SafetensorError as error:
        raise UsageError(f"model {source.folder}: model.safetensors cannot be read ({error})") from error
    try:
        network.load_state_dict(weights, strict=True)
    except RuntimeError as error:
        problem = " ".join(str(error).split())
        raise UsageError(f"model {source.folder}: the weights do not fit its config: {problem}") from error
    return network.eval()
