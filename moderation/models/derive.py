"""What the config of a transformers model says of its outputs, as a spec."""

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from moderation.errors import UsageError
from moderation.models.networks import HEADS
from moderation.models.spec import ModelSpec, Shape, explain

if TYPE_CHECKING:
    from transformers import PretrainedConfig

MOST_TOKENS = 256  # of a window, where the encoder could take more: attention costs the square
OVERLAP = 64
THRESHOLD = 0.5  # nobody has fitted another


def derive_spec(name: str, config: "PretrainedConfig", folder: Path) -> ModelSpec:
    """The spec of a class of transformers with a config; raises `UsageError` where its names make none."""
    names = [str(name) for _, name in sorted((config.id2label or {}).items())]
    head = token_head(names) if name.endswith(HEADS[1]) else sequence_head(names, config, folder)
    positions = Shape.model_validate(config.to_dict()).positions
    size = min(positions, MOST_TOKENS)
    try:
        return ModelSpec.model_validate(head | {"max_tokens": size, "overlap": min(OVERLAP, size // 4)})
    except ValidationError as error:
        raise explain(error, folder, "id2label: ") from error


def sequence_head(names: list[str], config: "PretrainedConfig", folder: Path) -> dict[str, object]:
    """One label for each output: each by itself where the config says so or there is one, else exactly one of all."""
    if config.problem_type == "regression":
        raise UsageError(f"model {folder}: config.json has problem_type 'regression': it gives no probabilities")
    alone = len(names) == 1 or config.problem_type == "multi_label_classification"
    activation = "sigmoid" if alone else "softmax"
    return {"labels": names, "tags": [], "activation": activation, "thresholds": dict.fromkeys(names, THRESHOLD)}


def token_head(names: list[str]) -> dict[str, object]:
    """The tags that outputs are named after; names without a part, as in "PER", are of spans that only go on."""
    plain = not any(name[1:2] == "-" for name in names)
    tags = [f"I-{name}" if plain and name != "O" else name for name in names]
    types = dict.fromkeys(tag[2:] for tag in tags if tag != "O")
    return {"labels": [], "entity_types": list(types), "tags": tags, "thresholds": {}}
