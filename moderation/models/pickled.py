"""Pickled weights, read without running anything: torch's loader for tensors and plain containers alone."""

import pickle
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moderation.errors import UsageError
from moderation.models.weights import weight_files

if TYPE_CHECKING:
    from torch import Tensor

PICKLED = "pytorch_model.bin"
PICKLED_INDEX = "pytorch_model.bin.index.json"  # of weights in several files


def pickled_weights(folder: Path) -> "dict[str, Tensor]":
    """The weights of a folder's pickles in fp32; raises `UsageError` like `read_pickle`."""
    import torch

    found: dict[str, torch.Tensor] = {}
    for file in pickles(folder):
        content = read_pickle(folder / file)
        if not isinstance(content, dict) or not all(
            isinstance(name, str) and isinstance(tensor, torch.Tensor) for name, tensor in content.items()
        ):
            raise UsageError(f"{folder / file} holds no weights by their names")
        found |= {name: tensor.float() for name, tensor in content.items()}
    return found


def pickles(folder: Path) -> list[str]:
    """The names of a folder's pickled weights, none where one of them is missing."""
    names = weight_files(folder, PICKLED, PICKLED_INDEX)
    return names if all((folder / name).is_file() for name in names) else []


def read_pickle(file: Path) -> Any:
    """The content of a checkpoint; raises `UsageError` where it is broken, or holds what only running it could tell."""
    import torch

    try:
        return torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise UsageError(
            f"{file} holds more than weights and plain settings, or is no checkpoint; nothing of it was run "
            f"({reason(error)})"
        ) from error
    except Exception as error:  # a broken file brings about whatever it likes
        raise UsageError(f"{file} cannot be read as a checkpoint ({reason(error)})") from error


def reason(error: Exception) -> str:
    """What torch objects to, without its advice to load the file in a way that would run it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = [line for line in lines if "WeightsUnpickler error" in line or "GLOBAL" in line]
    return (told or lines or [type(error).__name__])[0][:200]
