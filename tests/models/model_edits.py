"""Ways to break a model folder."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file
from torch import Tensor

import moderation
from moderation.errors import UsageError


def edit_json(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Changes a JSON file in place."""
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")


def set_config(folder: Path, **values: object) -> None:
    """Sets keys of config.json."""
    edit_json(folder / "config.json", lambda config: config.update(values))


def set_section(folder: Path, **values: object) -> None:
    """Sets keys of the section that is ours."""
    edit_json(folder / "config.json", lambda config: config["moderation"].update(values))


def edit_weights(folder: Path, change: Callable[[dict[str, Tensor]], object]) -> None:
    """Changes the weights in place."""
    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file(weights, folder / "model.safetensors")


def refusal(folder: Path | str) -> str:
    """Loads a model that must be refused and returns the message, which is one line."""
    with pytest.raises(UsageError) as caught:
        moderation.load(str(folder), "fp32")
    message = str(caught.value)
    assert "\n" not in message
    return message
