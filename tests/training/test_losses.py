"""Losses: what nobody judged teaches nothing, rare positives may count more, a teacher is followed."""

import numpy as np
import pytest
import torch

from moderation.training.data import IGNORED, Example
from moderation.training.losses import label_loss, tag_loss
from moderation.training.recipe import Recipe, TextSource
from moderation.training.teacher import Teacher
from moderation.training.trainer import label_weights, positive_weights

NAN = float("nan")


def test_a_label_that_was_not_judged_has_no_gradient() -> None:
    logits = torch.zeros(2, 2, requires_grad=True)
    label_loss(logits, torch.tensor([[1.0, NAN], [NAN, NAN]])).backward()
    assert logits.grad is not None
    assert logits.grad[0, 0] != 0
    assert logits.grad.flatten()[1:].tolist() == [0, 0, 0]


def test_a_batch_that_judges_nothing_has_no_loss() -> None:
    assert label_loss(torch.ones(2, 1), torch.full((2, 1), NAN)).item() == 0
    ignored = torch.full((1, 3), IGNORED)
    assert tag_loss(torch.ones(1, 3, 5), ignored, torch.ones(1, 5, dtype=torch.bool)).item() == 0


def test_a_label_that_counts_three_times_has_three_times_the_gradient() -> None:
    source = TextSource(file="f.parquet", labels={"a": "a", "b": "b"})
    recipe = Recipe(labels=["a", "b"], texts=[source], label_weights={"b": 3})
    weights, logits = label_weights(recipe), torch.zeros(4, 2, requires_grad=True)
    assert weights is not None and weights.tolist() == [1, 3]
    label_loss(logits, torch.tensor([[1.0, 1.0]] * 4), label=weights).backward()
    assert logits.grad is not None
    assert (logits.grad[:, 1] / logits.grad[:, 0]).tolist() == pytest.approx([3] * 4)
    assert label_weights(recipe.model_copy(update={"label_weights": {}})) is None


@pytest.mark.parametrize("weights", [{"c": 2}, {"a": 0}, {"a": -1}])
def test_weights_of_unknown_labels_and_weights_that_are_none_are_refused(weights: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="label_weights"):
        Recipe(labels=["a"], texts=[TextSource(file="f.parquet", labels={"a": "a"})], label_weights=weights)


def test_weights_of_positives_make_up_for_their_rarity() -> None:
    rows = [Example(np.zeros(1), labels=np.array([value, NAN], np.float32)) for value in [1.0] + [0.0] * 9]
    balanced, root = positive_weights(rows, "balanced"), positive_weights(rows, "sqrt")
    assert balanced is not None and root is not None
    assert (balanced[0].item(), root[0].item()) == (9, 3)
    assert positive_weights(rows, "none") is None
    logits, targets = torch.zeros(10, 1, requires_grad=True), torch.tensor([[1.0]] + [[0.0]] * 9)
    label_loss(logits, targets, balanced[:1]).backward()
    assert logits.grad is not None
    assert logits.grad.sum().item() == pytest.approx(0, abs=1e-6)  # positives and negatives pull alike


def teacher(pairs: list[tuple[int, int]], temperature: float = 2.0) -> Teacher:
    return Teacher(torch.nn.Identity(), pairs, pairs, temperature)  # type: ignore[arg-type]


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_a_student_that_agrees_with_its_teacher_has_no_loss_and_one_that_differs_is_drawn_to_it(temperature) -> None:
    taught, made = torch.tensor([[2.0, -1.0]]), teacher([(0, 1), (1, 0)], temperature)
    assert made.label_loss(taught, taught[:, [1, 0]]).item() == pytest.approx(0, abs=1e-6)
    student = torch.zeros(1, 2, requires_grad=True)
    made.label_loss(taught, student).backward()
    assert student.grad is not None
    assert student.grad[0, 0] > 0 > student.grad[0, 1]


def test_a_teacher_of_tags_is_heard_only_where_a_word_begins() -> None:
    student = torch.zeros(1, 3, 2, requires_grad=True)
    taught, there = torch.tensor([[[3.0, 0.0]] * 3]), torch.tensor([[True, False, True]])
    loss = teacher([(0, 0), (1, 1)]).tag_loss(taught, student, there)
    loss.backward()
    assert student.grad is not None
    assert loss.item() > 0
    assert student.grad[0, 1].tolist() == [0, 0]
    assert student.grad[0, 0, 0] < 0
