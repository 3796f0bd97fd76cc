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


def load(folder: Path, run: str) -> dict[str, Any] | None:
    """The checkpoint of the same run (a digest of recipe and data), None where there is none.

    Raises `UsageError` where the folder holds another run's: it is not overwritten unasked.
    """
    path = folder / NAME
    if not path.is_file():
        return None
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises whatever a file cut short or a stranger's pickle brings about
        raise UsageError(f"{path}: no checkpoint that can be read; delete it to start anew") from error
    if state.get("run") != run:
        raise UsageError(f"{path}: from another recipe or other data; delete it to start anew, or name another output")
    return state


def remove(folder: Path) -> None:
    """Deletes the checkpoint of a run that is over."""
    (folder / NAME).unlink(missing_ok=True)
