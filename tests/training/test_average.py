"""The mean of the last epochs' weights, and of several trainings'."""

import json
import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from moderation.errors import UsageError
from moderation.settings import parse
from moderation.training.average import Average
from moderation.training.make import make_model
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


def made(recipe: Path, data: Path, output: Path, **keys: object) -> Path:
    """A model by the recipe with other keys."""
    content = read_recipe(recipe).model_dump(exclude_unset=True) | {"functional": None, "epochs": 2} | keys
    make_model(parse(content, Recipe, "recipe"), data, output, lambda line: None)
    return output


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return {name: tensor.float() for name, tensor in load_file(folder / "model.safetensors").items()}


def test_the_weights_become_the_mean_of_several_trainings(recipe: Path, data: Path, tmp_path: Path) -> None:
    model = made(recipe, data, tmp_path / "mean", mean_of=[{}, {"join": 0.5, "epochs": 3}])
    plain, joined = made(recipe, data, tmp_path / "1"), made(recipe, data, tmp_path / "2", join=0.5, epochs=3)
    halves = weights(plain), weights(joined)
    for name, tensor in weights(model).items():
        torch.testing.assert_close(tensor, (halves[0][name] + halves[1][name]) / 2, rtol=2e-3, atol=1e-5)
    assert not torch.equal(halves[0]["tag_head.weight"], halves[1]["tag_head.weight"])
    about = json.loads((model / "training.json").read_text())
    assert [(one["keys"], len(one["epochs"])) for one in about["trainings"]] == [
        ({}, 2),
        ({"join": 0.5, "epochs": 3}, 3),
    ]
    card = (model / "MODEL_CARD.md").read_text()
    assert "mean of 2 such trainings from the same start (as the recipe has it; join: 0.5, epochs: 3)" in card


def test_trainings_of_other_seeds_begin_with_the_same_heads(recipe: Path, data: Path, tmp_path: Path) -> None:
    still = {"learning_rate": 1e-12, "head_learning_rate": 1e-12, "epochs": 1}
    alone = weights(made(recipe, data, tmp_path / "alone", **still))
    for name, tensor in weights(made(recipe, data, tmp_path / "mean", mean_of=[{}, {"seed": 9}], **still)).items():
        torch.testing.assert_close(tensor, alone[name])


@pytest.mark.parametrize(
    ("trainings", "said"),
    [
        ([{}, {"labels": ["rude"]}], "cannot differ in 'labels', only in epochs"),
        ([{}, {"join": 2}], "mean_of 2: join: input should be less than or equal to 1, not 2"),
        ([{}, {"epochs": 1, "average": 2}], "average 2 is more than the 1 epoch"),
        ([{"join": 0.1}], "two trainings or more"),
        ([{"seed": 8}, {"seed": 9}, {"seed": 8}], "training 3 is like one before it"),
        ([{}, {"mean_of": []}], "cannot differ in 'mean_of'"),
        ([{}, "join"], "mean_of.1: input should be a valid dictionary"),
    ],
)
def test_trainings_without_a_mean_are_refused(recipe: Path, trainings: list[object], said: str) -> None:
    content = read_recipe(recipe).model_dump(exclude_unset=True) | {"mean_of": trainings}
    with pytest.raises(UsageError, match=re.escape(said)):
        parse(content, Recipe, "recipe")
