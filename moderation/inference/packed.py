"""The network without padding: the tokens of all sequences of a batch stand one after the other."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from moderation.text.case import parted

if TYPE_CHECKING:
    from transformers.models.bert.modeling_bert import BertLayer

    from moderation.models.multitask import MultiTaskBert

Move = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Sequences:
    """Where the tokens of a batch stand: sequence i is the tokens `bounds[i]` to `bounds[i + 1]`, the longest has
    `width`; each token has the number of its sequence in `owners` and its place in it in `positions`."""

    bounds: Tensor
    owners: Tensor
    positions: Tensor
    width: int

    @classmethod
    def between(cls, bounds: Tensor, tokens: int, width: int) -> Self:
        """The sequences between int32 bounds, which only the device knows: a look at them would wait for it."""
        numbers = torch.arange(len(bounds) - 1, device=bounds.device, dtype=torch.int32)
        owners = torch.repeat_interleave(numbers, bounds.diff(), output_size=tokens)
        positions = torch.arange(tokens, device=bounds.device, dtype=torch.int32) - bounds[owners]
        return cls(bounds, owners, positions, width)


Attention = Callable[[Tensor, Tensor, Tensor, Sequences], Tensor]  # of [tokens, heads, size] each


def flash_attention(query: Tensor, key: Tensor, value: Tensor, sequences: Sequences) -> Tensor:
    """Attention within each sequence, in one kernel that computes nothing else."""
    from torch.nn.attention.varlen import varlen_attn  # which loads torch's compiler: seconds that a CPU can do without

    bounds, width = sequences.bounds, sequences.width
    found = varlen_attn(query, key, value, bounds, bounds, width, width)
    assert isinstance(found, Tensor)  # a pair only where more is asked for
    return found


def padded_attention(query: Tensor, key: Tensor, value: Tensor, sequences: Sequences) -> Tensor:
    """The same by padding, for what flash attention cannot: the CPU, fp32, older GPUs, odd sizes of heads."""
    rows, place = len(sequences.bounds) - 1, (sequences.owners, sequences.positions)
    wide = query.new_zeros(3, rows, sequences.width, *query.shape[1:])
    wide[:, *place] = torch.stack((query, key, value))
    columns = torch.arange(sequences.width, device=query.device)
    inside = (columns < sequences.bounds.diff()[:, None])[:, None, None]
    query, key, value = wide.transpose(2, 3)
    return functional.scaled_dot_product_attention(query, key, value, inside).transpose(1, 2)[place]


def attention_for(device: torch.device, dtype: torch.dtype, size: int) -> Attention:
    """The fastest attention that a device has for heads of `size`: flash attention wants half precision, heads of a
    multiple of 8 up to 256, and Ampere or later."""
    fits = dtype in (torch.bfloat16, torch.float16) and size % 8 == 0 and size <= 256
    flash = fits and device.type == "cuda" and torch.cuda.get_device_capability(device) >= (8, 0)
    return flash_attention if flash else padded_attention


class Linear(NamedTuple):
    """A linear layer's weights."""

    weight: Tensor
    bias: Tensor

    @classmethod
    def of(cls, move: Move, *parts: nn.Module) -> Self:
        """Several layers of the same input as one, their outputs side by side."""
        return cls(*(move(torch.cat([getattr(part, name) for part in parts])) for name in cls._fields))

    def __call__(self, states: Tensor) -> Tensor:
        return functional.linear(states, self.weight, self.bias)


class Norm(NamedTuple):
    """A layer normalisation's weights."""

    weight: Tensor
    bias: Tensor
    eps: float

    @classmethod
    def of(cls, move: Move, norm: nn.LayerNorm) -> Self:
        """The weights of a torch layer."""
        return cls(move(norm.weight), move(norm.bias), norm.eps)

    def __call__(self, states: Tensor) -> Tensor:
        return functional.layer_norm(states, self.weight.shape, self.weight, self.bias, self.eps)


class Layer(NamedTuple):
    """One transformer layer; queries, keys and values come out of one product."""

    inputs: Linear
    mixed: Linear
    mixed_norm: Norm
    inner: Linear
    outer: Linear
    outer_norm: Norm

    @classmethod
    def of(cls, move: Move, layer: "BertLayer") -> Self:
        """The weights of a transformers layer."""
        attention, mixed = layer.attention.self, layer.attention.output
        return cls(
            Linear.of(move, attention.query, attention.key, attention.value),
            Linear.of(move, mixed.dense),
            Norm.of(move, mixed.LayerNorm),
            Linear.of(move, layer.intermediate.dense),
            Linear.of(move, layer.output.dense),
            Norm.of(move, layer.output.LayerNorm),
        )


class PackedBert:
    """`MultiTaskBert` on packed sequences, in one precision on one device; the network it is made of stays as it is."""

    def __init__(
        self, network: "MultiTaskBert", device: torch.device, dtype: torch.dtype, entities: bool = True
    ) -> None:
        encoder, config, embeddings = network.encoder, network.encoder.config, network.encoder.embeddings
        self.dtype, self.heads, self.entities = dtype, config.num_attention_heads, entities
        self.attention = attention_for(device, dtype, config.hidden_size // self.heads)
        layers: Any = encoder.encoder.layer  # to mypy an item of a ModuleList may be anything
        self.activation: Callable[[Tensor], Tensor] = layers[0].intermediate.intermediate_act_fn

        def move(weights: Tensor) -> Tensor:
            return weights.detach().to(device, dtype)

        self.words, self.norm = move(embeddings.word_embeddings.weight), Norm.of(move, embeddings.LayerNorm)
        types = embeddings.token_type_embeddings.weight
        self.types = move(types - types[0]) if network.case else None
        self.places = move(embeddings.position_embeddings.weight + types[0])
        self.layers = [Layer.of(move, layer) for layer in layers]
        self.label_head, self.tag_head = Linear.of(move, network.label_head), Linear.of(move, network.tag_head)

    def __call__(self, ids: Tensor, bounds: Tensor, width: int) -> tuple[Tensor, ...]:
        """Token ids [tokens] and the sequences' bounds [rows + 1], both int32, to label logits [rows, labels] and, with
        entities, the best tag (int16) and its probability per token."""
        sequences = Sequences.between(bounds, len(ids), width)
        words, places = self.embed(ids), functional.embedding(sequences.positions, self.places)
        states = self.norm(words + places)
        for layer in self.layers:
            states = self.layer(layer, states, sequences)
        # Sums in fp32 and in one order; index_add_ would add in another order each time, and answers would change.
        pooled = torch.segment_reduce(states.float(), "mean", offsets=bounds, axis=0, unsafe=True).to(self.dtype)
        logits = self.label_head(pooled).float()
        return (logits, *best_tags(self.tag_head(states).float())) if self.entities else (logits,)

    def embed(self, ids: Tensor) -> Tensor:
        """The vectors of words and, where the model reads it, of their case; that of type 0 is in the places."""
        if self.types is None:
            return functional.embedding(ids, self.words)
        words, types = parted(ids)
        return functional.embedding(words, self.words) + functional.embedding(types, self.types)

    def layer(self, layer: Layer, states: Tensor, sequences: Sequences) -> Tensor:
        """One transformer layer (Devlin et al., "BERT", 2019)."""
        query, key, value = layer.inputs(states).view(len(states), 3, self.heads, -1).unbind(1)
        mixed = self.attention(query, key, value, sequences).flatten(1)
        states = layer.mixed_norm(layer.mixed(mixed) + states)
        return layer.outer_norm(layer.outer(self.activation(layer.inner(states))) + states)


def best_tags(logits: Tensor) -> tuple[Tensor, Tensor]:
    """Tag logits [tokens, tags] to the best tag of each token and its softmax probability, on the device: copying the
    logits would take longer than this."""
    highest, tags = logits.max(-1)
    return tags.to(torch.int16), 1 / (logits - highest[:, None]).exp().sum(-1)
