"""Networks in the form that OpenVINO runs: ours written out, as that is fastest, transformers' own as they are."""

from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional

from moderation.text.case import parted

if TYPE_CHECKING:
    from moderation.models.multitask import MultiTask, MultiTaskBert
    from moderation.models.networks import Classifier

MASKED = -10000.0  # added to the attention that padding would get: its softmax is 0 in every precision


class Graph(nn.Module):
    """`MultiTaskBert` with attention written out, position and type embeddings added up in advance, and the mask made
    from lengths. transformers' own form, traced, was 6% slower.

    `exact` keeps the residual stream in fp32 where products are in bf16: half the error, a tenth of the speed.
    """

    def __init__(self, network: "MultiTaskBert", entities: bool = True, exact: bool = True) -> None:
        super().__init__()
        encoder: Any = network.encoder
        config = encoder.config
        embeddings = encoder.embeddings
        positions = embeddings.position_embeddings.weight + embeddings.token_type_embeddings.weight[0]
        self.case, self.types = network.case, embeddings.token_type_embeddings
        self.heads, self.entities, self.exact = config.num_attention_heads, entities, exact
        self.activation = encoder.encoder.layer[0].intermediate.intermediate_act_fn
        self.words, self.norm, self.layers = embeddings.word_embeddings, embeddings.LayerNorm, encoder.encoder.layer
        self.positions = nn.Parameter(positions.detach().clone(), requires_grad=False)
        self.label_head, self.tag_head = network.label_head, network.tag_head

    def forward(self, ids: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Token ids [rows, width] and lengths [rows] to label logits and, with entities, tag logits per token."""
        inside = torch.arange(ids.shape[1])[None] < lengths[:, None]
        bias = torch.where(inside, 0.0, MASKED)[:, None, None]
        states = self.norm(self.embed(ids) + self.positions[: ids.shape[1]])
        for layer in self.layers:
            states = self.layer(layer, states, bias)
        weights = inside[..., None].to(states.dtype)
        pooled = (states * weights).sum(1) / weights.sum(1)
        found: tuple[torch.Tensor, ...] = ()
        if self.label_head.out_features:
            found = (self.exact_logits(pooled) if self.exact else self.label_head(pooled),)
        return (*found, self.tag_head(states)) if self.entities else found

    def embed(self, ids: torch.Tensor) -> torch.Tensor:
        """The vectors of words and, where the model reads it, of their case; that of type 0 is in the positions."""
        if not self.case:
            found: torch.Tensor = self.words(ids)
            return found
        words, types = parted(ids)
        return self.words(words) + functional.embedding(types, self.types.weight - self.types.weight[0])

    def exact_logits(self, pooled: torch.Tensor) -> torch.Tensor:
        """The label head without a matrix product: OpenVINO keeps to fp32 what leads to an output past the last one.

        The bias is summed along: added to the sum, OpenVINO 2026.4 gives a row its bias instead of a label its own.
        """
        terms = pooled[:, None] * self.label_head.weight + self.label_head.bias[:, None] / pooled.shape[-1]
        return terms.sum(-1)

    def layer(self, layer: Any, states: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        """One transformer layer (Devlin et al., "BERT", 2019)."""
        attention, output = layer.attention.self, layer.attention.output
        query, key, value = (self.split(part(states)) for part in (attention.query, attention.key, attention.value))
        scores = query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5 + bias
        mixed = (functional.softmax(scores, -1) @ value).transpose(1, 2)
        states = output.LayerNorm(output.dense(mixed.reshape(states.shape)) + states)
        inner = self.activation(layer.intermediate.dense(states))
        return layer.output.LayerNorm(layer.output.dense(inner) + states)

    def split(self, states: torch.Tensor) -> torch.Tensor:
        """[rows, width, hidden] to [rows, heads, width, hidden / heads]."""
        rows, width, hidden = states.shape
        return states.view(rows, width, self.heads, hidden // self.heads).transpose(1, 2)


class Traced(nn.Module):
    """Another network with the mask made from lengths; its outputs are the logits of the heads that it has."""

    def __init__(self, network: "Classifier | MultiTask", labels: bool, entities: bool) -> None:
        super().__init__()
        self.network, self.labels, self.entities = network, labels, entities

    def forward(self, ids: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Token ids [rows, width] and lengths [rows] to label logits, tag logits per token, or both."""
        mask = torch.arange(ids.shape[1])[None] < lengths[:, None]
        logits, tags = self.network(ids, mask.long())
        return ((logits,) if self.labels else ()) + ((tags,) if self.entities else ())


def example() -> dict[str, torch.Tensor]:
    """Inputs to trace the graph with; neither size is 1, which the tracer might take for a constant."""
    return {"ids": torch.ones(2, 8, dtype=torch.int64), "lengths": torch.tensor([8, 5])}
