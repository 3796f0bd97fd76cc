"""A masked language model over a base encoder."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from transformers.activations import ACT2FN

from moderation.training.batches import pad
from moderation.training.data import IGNORED
from moderation.training.trainer import choose_attention, mixed_precision

Row = tuple[np.ndarray, np.ndarray]  # token ids as the model sees them, and what they were (IGNORED: nothing to guess)
HEAD = {"cls.predictions.transform.": "transform.", "cls.predictions.bias": "bias"}  # names in BERT's own files


class MaskedModel(nn.Module):
    """The encoder, a transform of its states, and the word embeddings as decoder (BERT's own head, weights tied)."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        config: Any = encoder.config
        words = encoder.get_input_embeddings().weight  # type: ignore[operator]
        activation = getattr(config, "hidden_act", None) or getattr(config, "activation", "gelu")
        self.transform = nn.Module()
        self.transform.dense = nn.Linear(config.hidden_size, words.shape[1])
        self.transform.act = ACT2FN[activation]
        self.transform.LayerNorm = nn.LayerNorm(words.shape[1])
        self.pad = int(config.pad_token_id or 0)
        self.bias = nn.Parameter(torch.zeros(words.shape[0]))

    @property
    def head(self) -> list[nn.Parameter]:
        """The parameters that are not the encoder's."""
        return [*self.transform.parameters(), self.bias]

    def take_head(self, weights: Mapping[str, torch.Tensor]) -> bool:
        """Takes the head that the base was made with from its weights, where it is there whole and fits."""
        found = {
            new + name.removeprefix(old): value
            for old, new in HEAD.items()
            for name, value in weights.items()
            if name.startswith(old)
        }
        own = {name: value for name, value in self.state_dict().items() if not name.startswith("encoder.")}
        fits = own.keys() == found.keys() and all(own[name].shape == found[name].shape for name in own)
        if fits:
            self.load_state_dict(found, strict=False)
        return fits

    def forward(self, ids: torch.Tensor, mask: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        """Token ids and mask [rows, tokens] to logits over the vocabulary [wanted tokens, vocabulary]."""
        ids = torch.where(mask.bool(), ids, self.pad)  # by which RoBERTa counts positions
        states = self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state[wanted]
        transform = self.transform
        found = transform.LayerNorm(transform.act(transform.dense(states)))  # type: ignore[operator]
        return functional.linear(found, self.encoder.get_input_embeddings().weight, self.bias)  # type: ignore[operator]

    def loss(self, rows: list[Row], device: str, precision: str) -> tuple[torch.Tensor, int]:
        """The summed loss over the tokens to be guessed, and how many those are."""
        width = max(len(seen) for seen, _ in rows)
        seen = torch.from_numpy(pad([seen for seen, _ in rows], width)).to(device)
        mask = torch.from_numpy(pad([np.ones(len(seen), np.int64) for seen, _ in rows], width)).to(device)
        targets = torch.from_numpy(pad([target for _, target in rows], width, IGNORED)).to(device)
        wanted = targets != IGNORED
        choose_attention(self.encoder, device, width)
        with mixed_precision(device, precision):
            logits = self(seen, mask, wanted)
        return functional.cross_entropy(logits.float(), targets[wanted], reduction="sum"), int(wanted.sum())
