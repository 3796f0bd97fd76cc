"""Weights: read from safetensors alone, and given to a network only where each has its place."""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

from moderation.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor, nn

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"  # of weights in several files
# What transformers' networks leave out of their own accord: buffers that they make anew, and a pooler without a use.
SURPLUS = re.compile(r"(^|\.)(embeddings\.(position_ids|token_type_ids)|pooler\.(dense\.)?(weight|bias))$")
SHOWN = 3  # names in an error


def read_weights(folder: Path) -> "dict[str, Tensor]":
    """All weights of a folder in fp32; raises `UsageError` where a file is missing or is no safetensors file."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    found: dict[str, Tensor] = {}
    for name in weight_files(folder):
        try:
            found |= {key: tensor.float() for key, tensor in load_file(folder / name).items()}
        except FileNotFoundError as error:
            raise UsageError(f"model {folder} lacks {name}") from error
        except SafetensorError as error:
            raise UsageError(f"model {folder}: {name} cannot be read ({error})") from error
    return found


def weight_files(folder: Path, whole: str = WEIGHTS, index: str = INDEX) -> list[str]:
    """The names of the files that hold the weights: one, or those that an index lists."""
    if (folder / whole).is_file() or not (folder / index).is_file():
        return [whole]
    try:
        names = sorted(set(json.loads((folder / index).read_text(encoding="utf-8"))["weight_map"].values()))
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise UsageError(f"model {folder}: {index} cannot be read ({error})") from error
    if odd := [name for name in names if not isinstance(name, str) or Path(name).name != name]:
        raise UsageError(f"model {folder}: {index} names {odd[0]!r}, which is no file of the folder")
    return names


def fill(network: "nn.Module", weights: "dict[str, Tensor]", where: object) -> None:
    """Gives a network its weights; raises `UsageError` that names those that are missing, misshapen or unknown.

    `where` names the model in the error. LayerNorm's `gamma` and `beta` of old BERTs are its weight and bias.
    """
    weights = {modern(name): tensor for name, tensor in weights.items()}
    wanted = network.state_dict()
    missing = sorted(set(wanted) - set(weights))
    unknown = sorted(name for name in set(weights) - set(wanted) if not SURPLUS.search(name))
    shared = sorted(set(wanted) & set(weights))
    misshapen = [
        f"{name} {tuple(weights[name].shape)} instead of {tuple(wanted[name].shape)}"
        for name in shared
        if weights[name].shape != wanted[name].shape
    ]
    problems = {"are missing": missing, "have another shape": misshapen, "have no place": unknown}
    if said := [f"{shown(names)} {what}" for what, names in problems.items() if names]:
        raise UsageError(f"model {where}: the weights do not fit its config: {'; '.join(said)}")
    network.load_state_dict({name: weights[name] for name in shared})


def modern(name: str) -> str:
    """The name that a weight has today."""
    return name.replace("LayerNorm.gamma", "LayerNorm.weight").replace("LayerNorm.beta", "LayerNorm.bias")


def shown(names: list[str]) -> str:
    """The first names of a list, and how many more there are."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
