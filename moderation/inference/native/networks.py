"""The networks that the encoder runs: BERTs by any of several names."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from moderation.models.spec import OURS, read_config

if TYPE_CHECKING:
    from moderation.models.load import ModelSource

HEAD_SIZES = (32, 64)
MOST_TAGS = 256  # as in encoder.cpp


@dataclass(frozen=True)
class Family:
    """What a kind of BERT has and is called otherwise than transformers' own."""

    classes: str  # what the names of its classes begin with
    prefix: str
    label_head: tuple[str, str]  # the two layers on a text's vector
    between: str = "tanh"  # what is between them
    heads: str = "num_attention_heads"  # settings
    activation: str = "hidden_act"
    first_place: str | None = None  # the setting behind whose value places are counted from
    kinds: bool = True  # whether it has embeddings of kinds of tokens
    renamed: tuple[tuple[str, str], ...] = ()  # parts of its weights' names, and what BERT calls them

    def plain(self, name: str) -> str:
        """A weight's name as BERT has it."""
        for own, plain in self.renamed:
            name = name.replace(own, plain)
        return name


AS_ROBERTA = ("classifier.dense", "classifier.out_proj")
FAMILIES = {
    "bert": Family("Bert", "bert.", ("bert.pooler.dense", "classifier")),
    "roberta": Family("Roberta", "roberta.", AS_ROBERTA, first_place="pad_token_id"),
    "xlm-roberta": Family("XLMRoberta", "roberta.", AS_ROBERTA, first_place="pad_token_id"),
    "distilbert": Family(
        "DistilBert",
        "distilbert.",
        ("pre_classifier", "classifier"),
        between="relu",
        heads="n_heads",
        activation="activation",
        kinds=False,
        renamed=(
            ("transformer.layer.", "encoder.layer."),
            (".attention.q_lin.", ".attention.self.query."),
            (".attention.k_lin.", ".attention.self.key."),
            (".attention.v_lin.", ".attention.self.value."),
            (".attention.out_lin.", ".attention.output.dense."),
            (".sa_layer_norm.", ".attention.output.LayerNorm."),
            (".ffn.lin1.", ".intermediate.dense."),
            (".ffn.lin2.", ".output.dense."),
            (".output_layer_norm.", ".output.LayerNorm."),
        ),
    ),
}


def family_of(source: "ModelSource") -> Family:
    """The family of a model that is supported."""
    return FAMILIES[str(read_config(source.folder)["model_type"])]


def has_tags_alone(source: "ModelSource") -> bool:
    """Whether a model is transformers' class for tokens."""
    return source.architecture == f"{family_of(source).classes}ForTokenClassification"


def unsupported(source: "ModelSource", int8: bool = False) -> str:
    """Why the encoder does not run a model; empty where it does."""
    config = read_config(source.folder)
    kind, shape = config.get("model_type"), source.shape
    family = FAMILIES.get(str(kind))
    if family is None or source.architecture not in (
        OURS,
        *(f"{family.classes}For{task}Classification" for task in ("Sequence", "Token")),
    ):
        return f"{source.architecture} over {kind} is none of the networks that it knows"
    if (
        config.get(family.activation, "gelu") != "gelu"
        or config.get("position_embedding_type", "absolute") != "absolute"
    ):
        return "it knows the exact GELU and absolute positions alone"
    heads = config.get(family.heads, 12)
    size = shape.hidden // heads if isinstance(heads, int) and heads > 0 else 0
    grain = 64 if int8 else 32
    if size not in HEAD_SIZES or size * heads != shape.hidden or shape.hidden % grain or shape.inner % grain:
        return f"its sizes ({shape.hidden} in {heads} heads, {shape.inner}) are no multiples of those of the tiles"
    if len(source.spec.tags) > MOST_TAGS:
        return f"{len(source.spec.tags)} tags are more than the {MOST_TAGS} that it knows"
    return ""


def expected(source: "ModelSource") -> dict[str, tuple[int, ...]]:
    """The shapes of all weights of a network that is supported, by BERT's names."""
    shape, family = source.shape, family_of(source)
    hidden, inner = shape.hidden, shape.inner
    prefix = "encoder." if source.architecture == OURS else family.prefix
    rows = {"word": shape.vocabulary, "position": shape.embeddings}
    if family.kinds:
        rows["token_type"] = read_config(source.folder).get("type_vocab_size", 2)
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


def heads(source: "ModelSource", family: Family) -> dict[str, tuple[int, int]]:
    """The shapes of the linear layers behind the encoder."""
    hidden, labels, tags = source.shape.hidden, len(source.spec.outputs), len(source.spec.tags)
    if source.architecture == OURS:
        return {"label_head": (labels, hidden), "tag_head": (tags, hidden)}
    if has_tags_alone(source):
        return {"classifier": (tags, hidden)}
    first, last = family.label_head
    return {first: (hidden, hidden), last: (labels, hidden)}
