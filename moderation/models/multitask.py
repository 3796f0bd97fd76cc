"""Our own network: one encoder, a multi-label head on the text and a BIO head on its tokens."""

import inspect
import warnings
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from moderation.models.spec import ModelSpec
from moderation.text.case import parted

if TYPE_CHECKING:
    from transformers import PretrainedConfig


class MultiTask(nn.Module):
    """A shared encoder of any family with two heads, either of which may have no outputs; one forward pass gives label
    logits and tag logits."""

    def __init__(self, encoder: "PretrainedConfig", spec: ModelSpec) -> None:
        super().__init__()
        config: Any = encoder
        self.encoder: Any = encoder_of(config)
        self.dropout = nn.Dropout(getattr(config, "hidden_dropout_prob", 0.1))
        self.label_head = head(config.hidden_size, len(spec.outputs))
        self.tag_head = head(config.hidden_size, len(spec.tags))
        self.pad, self.case = int(config.pad_token_id or 0), spec.case

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Token ids and mask, both [rows, tokens], to label logits [rows, labels] and tag logits [rows, tokens, tags].

        Where the model reads case, that of words is in the ids (`moderation.text.case`).
        The text's vector is the mean over its tokens, as the MiniLM sentence encoder was trained
        (Reimers and Gurevych, "Sentence-BERT", 2019).
        """
        ids = torch.where(attention_mask.bool(), input_ids, self.pad)  # by which RoBERTa counts positions
        given = {"input_ids": ids, "attention_mask": attention_mask}
        if self.case:
            given["input_ids"], given["token_type_ids"] = parted(ids)
        states = self.dropout(self.encoder(**given).last_hidden_state)
        weights = attention_mask.unsqueeze(-1).to(states.dtype)
        pooled = (states * weights).sum(1) / weights.sum(1)
        return self.label_head(pooled), self.tag_head(states)


class MultiTaskBert(MultiTask):
    """The same over a BERT, whose layers the fast backends know by heart."""


def multitask(config: "PretrainedConfig", spec: ModelSpec) -> MultiTask:
    """The network over an encoder of the config's family, its weights random."""
    return (MultiTaskBert if config.model_type == "bert" else MultiTask)(config, spec)


def encoder_of(config: "PretrainedConfig") -> nn.Module:
    """transformers' bare encoder of a family, without the pooler that some of them have."""
    from transformers import MODEL_MAPPING

    network: Any = MODEL_MAPPING[type(config)]
    without = {"add_pooling_layer": False} if "add_pooling_layer" in inspect.signature(network).parameters else {}
    found: nn.Module = network(config, **without)
    return found


def head(hidden: int, outputs: int) -> nn.Linear:
    """A linear layer; torch's warning that one without outputs cannot be initialised is of no use."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Initializing zero-element")
        return nn.Linear(hidden, outputs)
