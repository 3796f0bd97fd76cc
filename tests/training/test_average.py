"""The mean of the last epochs' weights."""

from pathlib import Path

import pytest
import torch
from torch import nn

from moderation.errors import UsageError
from moderation.settings import parse
from moderation.training.average import Average
from moderation.training.recipe import Recipe, read_recipe


def network(value: float) -> nn.Module:
    found = nn.Linear(2, 1)
    nn.init.constant_(found.weight, value)
    nn.init.constant_(found.bias, -value)
    return found


def test_the_weights_become_the_mean_of_the_last_epochs(tmp_path: Path) -> None:
    average = Average(tmp_path, 2)
    for epoch, value in ((1, 100.0), (2, 1.0), (3, 4.0)):
        average.note(network(value), epoch)
    average.note(network(4.0), 3)  # a run that was killed there notes it again
    last = network(4.0)
    average.bring_back(last, 3)
    assert torch.equal(last.weight, torch.full((1, 2), 2.5)) and last.bias.item() == -2.5
    assert sorted(path.name for path in tmp_path.iterdir()) == ["epoch-2.safetensors", "epoch-3.safetensors"]


def test_a_mean_of_one_epoch_writes_nothing(tmp_path: Path) -> None:
    average, last = Average(tmp_path, 1), network(4.0)
    average.note(last, 1)
    average.bring_back(last, 1)
    assert last.bias.item() == -4.0 and not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("keys", "said"), [({"average": 3}, "more than the 2"), ({"average": 2, "early_stopping": {}}, "choose one")]
)
def test_a_mean_that_cannot_be_is_refused(recipe: Path, keys: dict[str, object], said: str) -> None:
    content = read_recipe(recipe).model_dump(exclude_unset=True) | {"epochs": 2} | keys
    with pytest.raises(UsageError, match=said):
        parse(content, Recipe, "recipe")
