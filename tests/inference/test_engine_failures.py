"""A text on which the model fails costs no other text its answer."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from inference_helpers import WORDS, assert_same

import moderation
from moderation.inference.moderator import Moderator, Result
from moderation.inference.torch_backend import Predictions

NEIGHBOURS = [*(" ".join(WORDS[: 1 + index % len(WORDS)]) for index in range(20)), "you " * 150]
Predict = Callable[[np.ndarray, np.ndarray], Predictions]


@pytest.fixture(scope="module")
def neighbours(moderator: Moderator) -> list[Result]:
    """What the neighbours are answered while nothing fails."""
    return moderator.score(NEIGHBOURS)


@pytest.fixture
def poison(moderator: Moderator) -> int:
    """The id of the token that makes a batch fail; no neighbour has it."""
    return int(moderator.engine.tokenizer.token_to_id("poison"))


@pytest.fixture
def real(moderator: Moderator) -> Predict:
    """The backend's own predictions."""
    return moderator.engine.backend.predict


def replace(monkeypatch: pytest.MonkeyPatch, moderator: Moderator, predict: Predict) -> None:
    monkeypatch.setattr(moderator.engine.backend, "predict", predict)


@pytest.fixture
def raising(monkeypatch: pytest.MonkeyPatch, moderator: Moderator, poison: int, real: Predict) -> None:
    """A backend that refuses any batch in which the token is."""

    def predict(ids: np.ndarray, mask: np.ndarray) -> Predictions:
        if (ids == poison).any():
            raise RuntimeError("kernel failed")
        return real(ids, mask)

    replace(monkeypatch, moderator, predict)


def assert_only_failure(results: list[Result], index: int, reason: str, neighbours: list[Result]) -> None:
    """Text `index` failed for `reason`, and all others have their usual answers."""
    failed = results.pop(index)
    assert (failed.status, failed.status_reason) == ("failed", reason)
    assert not failed.scores and not failed.labels and not failed.entities and failed.evidence is None
    for mine, expected in zip(results, neighbours, strict=True):
        assert_same(mine, expected)


@pytest.mark.parametrize("index", [0, 7, 21])
@pytest.mark.parametrize("text", ["poison apples", "you " * 100 + "poison " + "you " * 100])
@pytest.mark.usefixtures("raising")
def test_a_text_that_the_backend_refuses_fails_alone(
    moderator: Moderator, neighbours: list[Result], text: str, index: int
) -> None:
    results = moderator.score([*NEIGHBOURS[:index], text, *NEIGHBOURS[index:]])
    assert_only_failure(results, index, "model_error:RuntimeError", neighbours)


@pytest.mark.usefixtures("raising")
def test_a_list_of_failing_texts_is_answered_too(moderator: Moderator) -> None:
    results = moderator.score(["poison", None, "poison pill", "poison " * 90])
    assert [result.status for result in results] == ["failed", "skipped", "failed", "failed"]


@pytest.mark.parametrize("rows", [1, 3, 8])
def test_a_batch_too_large_for_memory_is_split_until_it_fits(
    moderator: Moderator, neighbours: list[Result], monkeypatch: pytest.MonkeyPatch, real: Predict, rows: int
) -> None:
    def predict(ids: np.ndarray, mask: np.ndarray) -> Predictions:
        if len(ids) > rows:
            raise torch.OutOfMemoryError("out of memory")
        return real(ids, mask)

    replace(monkeypatch, moderator, predict)
    for mine, expected in zip(moderator.score(NEIGHBOURS), neighbours, strict=True):
        assert_same(mine, expected)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_scores_that_are_not_finite_fail_their_text_alone(
    moderator: Moderator,
    neighbours: list[Result],
    monkeypatch: pytest.MonkeyPatch,
    poison: int,
    real: Predict,
    value: float,
) -> None:
    def predict(ids: np.ndarray, mask: np.ndarray) -> Predictions:
        found = real(ids, mask)
        found.logits[(ids == poison).any(axis=1), 0] = value
        return found

    replace(monkeypatch, moderator, predict)
    assert_only_failure(moderator.score(["a poison", *NEIGHBOURS]), 0, "scores_not_finite", neighbours)


def test_a_model_that_says_nothing_but_nan_scores_nothing(tiny_model: Path) -> None:
    broken = moderation.load(str(tiny_model), "fp32")
    torch.nn.init.constant_(broken.engine.backend.network.label_head.bias, float("nan"))
    results = broken.score([*NEIGHBOURS, "you " * 200])
    assert {(result.status, result.status_reason) for result in results} == {("failed", "scores_not_finite")}


def test_a_mistake_in_our_own_code_is_not_taken_for_a_bad_text(
    moderator: Moderator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def predict(ids: np.ndarray, mask: np.ndarray) -> Predictions:
        raise AttributeError("a bug")

    replace(monkeypatch, moderator, predict)
    with pytest.raises(AttributeError, match="a bug"):
        moderator.score(["hello"])
