"""The weights of the BERTs that the encoder runs, in the order in which it takes them."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import e, log2, sqrt
from typing import TYPE_CHECKING

import numpy as np

from moderation.models.spec import OURS, read_config
from moderation.models.weights import SURPLUS, modern, weight_files

if TYPE_CHECKING:
    from moderation.models.load import ModelSource

Array = np.ndarray
PREFIXES = {"bert": "bert.", "roberta": "roberta.", "xlm-roberta": "roberta."}
SEQUENCE = ("BertForSequenceClassification", "RobertaForSequenceClassification", "XLMRobertaForSequenceClassification")
TOKENS = ("BertForTokenClassification", "RobertaForTokenClassification", "XLMRobertaForTokenClassification")
SEQUENCE_HEADS = {
    "bert": ("bert.pooler.dense", "classifier"),
    **dict.fromkeys(("roberta", "xlm-roberta"), ("classifier.dense", "classifier.out_proj")),
}
HEAD_SIZES = (32, 64)
MOST_TAGS = 256  # as in encoder.cpp


@dataclass(frozen=True)
class Head:
    """What turns a text's vector into label logits: linear layers with a tanh between two; the vector is that of the
    first token, or the mean of all."""

    layers: list[tuple[Array, Array]]
    first: bool


def unsupported(source: "ModelSource", int8: bool = False) -> str:
    """Why the encoder does not run a model; empty where it does."""
    config = read_config(source.folder)
    family, shape = config.get("model_type"), source.shape
    heads = config.get("num_attention_heads", 12)
    size = shape.hidden // heads if isinstance(heads, int) and heads > 0 else 0
    grain = 64 if int8 else 32
    if source.architecture not in (OURS, *SEQUENCE, *TOKENS) or family not in PREFIXES:
        return f"{source.architecture} over {family} is none of the networks that it knows"
    if config.get("hidden_act", "gelu") != "gelu" or config.get("position_embedding_type", "absolute") != "absolute":
        return "it knows the exact GELU and absolute positions alone"
    if size not in HEAD_SIZES or size * heads != shape.hidden or shape.hidden % grain or shape.inner % grain:
        return f"its sizes ({shape.hidden} in {heads} heads, {shape.inner}) are no multiples of those of the tiles"
    if len(source.spec.tags) > MOST_TAGS:
        return f"{len(source.spec.tags)} tags are more than the {MOST_TAGS} that it knows"
    return ""


class Weights:
    """A model's weights by the names that they have within the encoder, in fp32."""

    def __init__(self, source: "ModelSource") -> None:
        self.source, self.config = source, read_config(source.folder)
        self.family = str(self.config["model_type"])
        self.heads = int(self.config.get("num_attention_heads", 12))
        self.epsilon = float(self.config.get("layer_norm_eps", 1e-12))
        self.ours = source.architecture == OURS
        self.prefix = "encoder." if self.ours else PREFIXES[self.family]
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
        """What stands before the layers: embeddings of words and places, and their norm."""
        kinds, spots = self("embeddings.token_type_embeddings.weight"), self("embeddings.position_embeddings.weight")
        shift = 0 if self.family == "bert" else int(self.config.get("pad_token_id") or 0) + 1
        yield from (self("embeddings.word_embeddings.weight"), (spots + kinds[0])[shift:])
        yield from self.linear("embeddings.LayerNorm")

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
        return list(self.outer("classifier")) if self.source.architecture in TOKENS else []

    def label_head(self) -> Head:
        """The layers on the text's vector."""
        if self.ours:
            layer = self.outer("label_head")
            return Head([layer] if len(layer[1]) else [], first=False)
        if self.source.architecture in TOKENS:
            return Head([], first=True)
        return Head([self.outer(name) for name in SEQUENCE_HEADS[self.family]], first=True)

    def outer(self, name: str) -> tuple[Array, Array]:
        """A layer behind the encoder."""
        return self.found[f"{name}.weight"], self.found[f"{name}.bias"]


def read(source: "ModelSource") -> dict[str, Array]:
    """All weights in fp32; raises `UsageError` as `load_network` does.

    They are read without torch, whose import costs a worker seconds and memory. What does not look as it should is left
    to torch: it knows more forms of files, and names what is wrong.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    found: dict[str, Array] = {}
    try:
        for file in weight_files(source.folder):
            found |= {modern(name): array for name, array in load_file(source.folder / file).items()}
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
    return {name: tensor.float().numpy() for name, tensor in state.items()}


def expected(source: "ModelSource") -> dict[str, tuple[int, ...]]:
    """The shapes of all weights of a network that is supported, by their names."""
    shape, config = source.shape, read_config(source.folder)
    hidden, inner, family = shape.hidden, shape.inner, str(config["model_type"])
    prefix = "encoder." if source.architecture == OURS else PREFIXES[family]
    rows = {"word": shape.vocabulary, "position": shape.embeddings, "token_type": config.get("type_vocab_size", 2)}
    found: dict[str, tuple[int, ...]] = {
        f"{prefix}embeddings.{name}_embeddings.weight": (count, hidden) for name, count in rows.items()
    }
    norms = [f"{prefix}embeddings.LayerNorm"]
    linear = heads(source, family)
    for number in range(shape.layers):
        layer = f"{prefix}encoder.layer.{number}."
        norms += [f"{layer}attention.output.LayerNorm", f"{layer}output.LayerNorm"]
        linear |= {f"{layer}attention.self.{name}": (hidden, hidden) for name in ("query", "key", "value")}
        linear[f"{layer}attention.output.dense"] = (hidden, hidden)
        linear |= {f"{layer}intermediate.dense": (inner, hidden), f"{layer}output.dense": (hidden, inner)}
    found |= {f"{name}.{part}": (hidden,) for name in norms for part in ("weight", "bias")}
    for name, sizes in linear.items():
        found |= {f"{name}.weight": sizes, f"{name}.bias": sizes[:1]}
    return found


def heads(source: "ModelSource", family: str) -> dict[str, tuple[int, int]]:
    """The shapes of the linear layers behind the encoder."""
    hidden, labels, tags = source.shape.hidden, len(source.spec.outputs), len(source.spec.tags)
    if source.architecture == OURS:
        return {"label_head": (labels, hidden), "tag_head": (tags, hidden)}
    if source.architecture in TOKENS:
        return {"classifier": (tags, hidden)}
    first, last = SEQUENCE_HEADS[family]
    return {first: (hidden, hidden), last: (labels, hidden)}
