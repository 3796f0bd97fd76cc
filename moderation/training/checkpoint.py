"""Where a training run stands, on disk: a killed run goes on from there."""

from pathlib import Path
from typing import Any

import torch

from moderation.errors import UsageError

NAME = "training-state.pt"


def save(folder: Path, state: dict[str, Any]) -> None:
    """Replaces the checkpoint in one step; `state` holds tensors, numbers, strings, lists and dictionaries of them."""
    folder.mkdir(parents=True, exist_ok=True)
    made = folder / f".{NAME}.making"
    torch.save(state, made)
    made.replace(folder / NAME)


def load(folder: Path) -> dict[str, Any] | None:
    """The checkpoint in a folder, None where there is none; raises `UsageError` where it cannot be read."""
    path = folder / NAME
    if not path.is_file():
        return None
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises whatever a file cut short or a stranger's pickle brings about
        raise UsageError(f"{path}: no checkpoint that can be read; delete it to start anew") from error
    return state


def random_state() -> dict[str, torch.Tensor]:
    """The state of torch's generators, which dropout draws from."""
    cuda = {f"cuda:{n}": torch.cuda.get_rng_state(n) for n in range(torch.cuda.device_count())}
    return {"cpu": torch.get_rng_state(), **cuda}


def set_random_state(states: dict[str, torch.Tensor]) -> None:
    """Puts the generators back to where they were; GPUs that are gone are left out."""
    torch.set_rng_state(states["cpu"])
    for number in range(torch.cuda.device_count()):
        if f"cuda:{number}" in states:
            torch.cuda.set_rng_state(states[f"cuda:{number}"], number)
