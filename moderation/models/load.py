"""Finds a model, checks that it is whole, and loads it without running anybody's code."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from moderation.errors import UsageError
from moderation.models.sources import model_folder
from moderation.models.spec import OURS, SECTION, ModelSpec, Shape, read_config, read_shape, read_spec
from moderation.text.case import FACTOR, TYPES
from moderation.text.digest import file_digest, folder_digest, text_digest

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from moderation.models.multitask import MultiTask, MultiTaskBert

FILES = ["config.json", "model.safetensors", "tokenizer.json"]
DIGEST_LENGTH = 16  # hexadecimal digits of a model or policy digest in rows: 64 bits tell any two apart


@dataclass(frozen=True)
class ModelSource:
    """A model that was found and described but not loaded: cheap, for the driver."""

    folder: Path
    spec: ModelSpec
    shape: Shape
    model_id: str

    @property
    def architecture(self) -> str:
        """The class of the network, by the name that config.json has for it."""
        return str((read_config(self.folder).get("architectures") or [OURS])[0])

    @cached_property
    def network_id(self) -> str:
        """A digest of the network alone: other names, other thresholds or another calibration do not change it."""
        inputs = ["case"] if self.spec.case else []
        config = read_config(self.folder) | {SECTION: [len(self.spec.outputs), len(self.spec.tags), *inputs]}
        weights = file_digest(self.folder / "model.safetensors")
        return text_digest(json.dumps(config, sort_keys=True) + weights)[:DIGEST_LENGTH]


def find_model(source: str, digest: str | None = None) -> ModelSource:
    """Finds a model by what `sources.model_folder` knows, and digests it; raises `UsageError` that names what is
    missing, or both digests where the model's does not begin with the one asked for."""
    folder = model_folder(source)
    if missing := [name for name in FILES if not (folder / name).is_file()]:
        raise UsageError(f"model folder {folder} lacks {', '.join(missing)}")
    spec, shape = read_spec(folder), read_shape(folder)
    if spec.max_tokens > shape.positions:
        raise UsageError(
            f"model {folder}: moderation.max_tokens {spec.max_tokens} is more than the {shape.positions} positions of "
            "the encoder"
        )
    if spec.case and (shape.family != "bert" or shape.types < TYPES or shape.vocabulary > FACTOR):
        raise UsageError(
            f"model {folder}: moderation.case wants a BERT with type_vocab_size {TYPES} and a vocabulary of at most "
            f"{FACTOR:,}, and it is a {shape.family} with {shape.types} and {shape.vocabulary:,}"
        )
    model_id = folder_digest(folder, FILES)[:DIGEST_LENGTH]
    if digest is not None and not (digest and model_id.startswith(digest[:DIGEST_LENGTH])):
        raise UsageError(f"model '{source}' has the digest {model_id}, and {digest} was asked for")
    return ModelSource(folder, spec, shape, model_id)


def load_tokenizer(folder: Path) -> "Tokenizer":
    """Loads the Rust tokenizer with nothing cut and nothing padded; special tokens in a text are read as text."""
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    except Exception as error:  # tokenizers raises no narrower class
        raise UsageError(f"model {folder}: tokenizer.json cannot be read ({error})") from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = True  # a comment that says "[SEP]" must not end the sequence
    if len(tokenizer.encode("").ids) != 2:
        raise UsageError(
            f"model {folder}: tokenizer.json has no special token to put before a text and one behind it, as [CLS] and "
            "[SEP] or <s> and </s> are"
        )
    return tokenizer


def specials(tokenizer: "Tokenizer") -> tuple[int, int]:
    """The ids of the special tokens before and behind a text."""
    first, last = tokenizer.encode("").ids
    return first, last


def load_multitask(source: ModelSource) -> "MultiTaskBert":
    """Loads our own network over a BERT in fp32; raises `UsageError` as `networks.load_network` does."""
    from moderation.models.multitask import MultiTaskBert

    network = load_own(source)
    if not isinstance(network, MultiTaskBert):
        raise UsageError(f"model {source.folder}: its encoder is no BERT")
    return network


def load_own(source: ModelSource) -> "MultiTask":
    """Loads our own network in fp32; raises `UsageError` as `networks.load_network` does."""
    from moderation.models.multitask import multitask
    from moderation.models.networks import encoder_config
    from moderation.models.weights import fill, read_weights

    try:
        network = multitask(encoder_config(source.folder), source.spec)
    except UsageError:
        raise
    except Exception as error:  # transformers raises whatever the value at fault brings about
        raise UsageError(f"model {source.folder}: config.json makes no BERT: {' '.join(str(error).split())}") from error
    fill(network, read_weights(source.folder), source.folder)
    return network.eval()
