"""The weights of the BERTs that the encoder runs, in the order in which it takes them."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import e, log2, sqrt
from typing import TYPE_CHECKING

import numpy as np

from moderation.inference.native.networks import expected, family_of, has_tags_alone
from moderation.models.spec import OURS, read_config
from moderation.models.weights import SURPLUS, modern, weight_files

if TYPE_CHECKING:
    from moderation.models.load import ModelSource

Array = np.ndarray


@dataclass(frozen=True)
class Head:
    """What turns a text's vector into label logits: linear layers with `tanh` or `relu` between two; the vector is that
    of the first token, or the mean of all."""

    layers: list[tuple[Array, Array]]
    first: bool
    between: str = "tanh"


class Weights:
    """A model's weights by the names that they have within a BERT, in fp32."""

    def __init__(self, source: "ModelSource") -> None:
        self.source, self.config = source, read_config(source.folder)
        self.family = family_of(source)
        self.heads = int(self.config.get(self.family.heads, 12))
        self.epsilon = float(self.config.get("layer_norm_eps", 1e-12))
        self.ours = source.architecture == OURS
        self.prefix = "encoder." if self.ours else self.family.prefix
        self.found = read(source)

    def __call__(self, name: str) -> Array:
        """One weight of the encoder."""
        return self.found[self.prefix + name]

    def linear(self, name: str) -> list[Array]:
        """A layer's weight and bias."""
        return [self(f"{name}.weight"), self(f"{name}.bias")]

    def in_order(self) -> Iterator[Array]:
        """All that the encoder takes, as `load` of encoder.cpp reads it."""
        yield from self.before()
        for number in range(self.source.shape.layers):
            yield from self.layer(number)
        yield from self.tag_head()

    def before(self) -> Iterator[Array]:
        """What stands before the layers: embeddings of words and places, their norm, and where the model reads case the
        token types, of which the first is in the places."""
        places, before = self("embeddings.position_embeddings.weight"), self.family.first_place
        if self.family.kinds:
            types = self("embeddings.token_type_embeddings.weight")
            places = places + types[0]
        yield self("embeddings.word_embeddings.weight")
        yield places[int(self.config.get(before) or 0) + 1 :] if before else places
        yield from self.linear("embeddings.LayerNorm")
        if self.source.spec.case:
            yield types - types[0]

    def layer(self, number: int) -> Iterator[Array]:
        """One layer. Scores come out of the product in units of log2, so that the softmax is one of powers of two."""
        name = f"encoder.layer.{number}."
        query, *others = (self.linear(f"{name}attention.self.{part}") for part in ("query", "key", "value"))
        size = self.source.shape.hidden // self.heads
        scale = np.float32(log2(e) / sqrt(size))
        yield from (np.concatenate(parts) for parts in zip([part * scale for part in query], *others, strict=True))
        for part in ("attention.output.dense", "attention.output.LayerNorm", "intermediate.dense", "output.dense"):
            yield from self.linear(name + part)
        yield from self.linear(f"{name}output.LayerNorm")

    def tag_head(self) -> list[Array]:
        """The layer on each token."""
        if self.ours:
            return list(self.outer("tag_head"))
        return list(self.outer("classifier")) if has_tags_alone(self.source) else []

    def label_head(self) -> Head:
        """The layers on the text's vector."""
        if self.ours:
            layer = self.outer("label_head")
            return Head([layer] if len(layer[1]) else [], first=False)
        if has_tags_alone(self.source):
            return Head([], first=True)
        layers = [self.outer(name) for name in self.family.label_head]
        return Head(layers, first=True, between=self.family.between)

    def outer(self, name: str) -> tuple[Array, Array]:
        """A layer behind the encoder."""
        return self.found[f"{name}.weight"], self.found[f"{name}.bias"]


def read(source: "ModelSource") -> dict[str, Array]:
    """All weights in fp32, by BERT's names; raises `UsageError` as `load_network` does.

    They are read without torch, whose import costs a worker seconds and memory. What does not look as it should is left
    to torch: it knows more forms of files, and names what is wrong.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    found, plain = dict[str, Array](), family_of(source).plain
    try:
        for file in weight_files(source.folder):
            found |= {plain(modern(name)): array for name, array in load_file(source.folder / file).items()}
    except (OSError, SafetensorError, KeyError, TypeError):  # the last two: a kind of number that numpy does not have
        return read_by_torch(source)
    wanted = expected(source)
    found = {name: array for name, array in found.items() if name in wanted or not SURPLUS.search(name)}
    known = all(array.dtype in (np.float32, np.float16) for array in found.values())
    if not known or {name: array.shape for name, array in found.items()} != wanted:
        return read_by_torch(source)
    return {name: array.astype(np.float32) for name, array in found.items()}


def read_by_torch(source: "ModelSource") -> dict[str, Array]:
    """The same through the network itself."""
    from moderation.models.networks import Classifier, load_network

    network = load_network(source)
    state = (network.network if isinstance(network, Classifier) else network).state_dict()
    return {family_of(source).plain(name): tensor.float().numpy() for name, tensor in state.items()}
