"""The network: one BERT encoder, a multi-label head on the text and a BIO head on its tokens."""

import torch
from torch import nn
from transformers import BertConfig, BertModel

from moderation.models.spec import ModelSpec


class MultiTaskBert(nn.Module):
    """A shared encoder with two heads; one forward pass gives label logits and tag logits."""

    def __init__(self, encoder: BertConfig, spec: ModelSpec) -> None:
        super().__init__()
        self.encoder = BertModel(encoder, add_pooling_layer=False)
        self.dropout = nn.Dropout(encoder.hidden_dropout_prob)
        self.label_head = nn.Linear(encoder.hidden_size, len(spec.outputs))
        self.tag_head = nn.Linear(encoder.hidden_size, len(spec.tags))

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Token ids and mask, both [rows, tokens], to label logits [rows, labels] and tag logits [rows, tokens, tags].

        The text's vector is the mean over its tokens, as the MiniLM sentence encoder was trained
        (Reimers and Gurevych, "Sentence-BERT", 2019).
        """
        states = self.dropout(self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state)
        weights = attention_mask.unsqueeze(-1).to(states.dtype)
        pooled = (states * weights).sum(1) / weights.sum(1)
        return self.label_head(pooled), self.tag_head(states)
