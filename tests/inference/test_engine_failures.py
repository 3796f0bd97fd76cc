"""A text on which the model fails costs no other text its answer."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from failing_backend import NEIGHBOURS, Predict, assert_only_failure, poison, refusing, replace, usual

import moderation
from moderation.inference.backend import Predictions, best_tags
from moderation.inference.batches import Batch
from moderation.inference.devices import Device
from moderation.inference.moderator import Moderator, Result

NOT_FINITE = [np.nan, np.inf, -np.inf]


@pytest.fixture(scope="module")
def neighbours(moderator: Moderator) -> list[Result]:
    """What the neighbours are answered while nothing fails."""
    return moderator.score(NEIGHBOURS)


def spoiling(moderator: Moderator, spoil: Callable[[Predictions, np.ndarray], None]) -> Predict:
    """Predictions that are spoilt where the poison stands."""
    predict_usually, token = usual(moderator), poison(moderator)

    def predict(batch: Batch) -> Predictions:
        found = predict_usually(batch)
        spoil(found, batch.ids == token)
        return found

    return predict


@pytest.mark.parametrize("index", [0, 7, 21])
@pytest.mark.parametrize("text", ["poison apples", "you " * 100 + "poison " + "you " * 100])
def test_a_text_that_the_backend_refuses_fails_alone(
    moderator: Moderator, neighbours: list[Result], monkeypatch: pytest.MonkeyPatch, text: str, index: int
) -> None:
    replace(monkeypatch, moderator, refusing(moderator, RuntimeError("kernel failed")))
    results = moderator.score([*NEIGHBOURS[:index], text, *NEIGHBOURS[index:]])
    assert_only_failure(results, index, "model_error:RuntimeError", neighbours)


@pytest.mark.parametrize("waiting", [0, 3])
def test_a_list_of_failing_texts_is_answered_too(
    moderator: Moderator, monkeypatch: pytest.MonkeyPatch, waiting: int
) -> None:
    replace(monkeypatch, moderator, refusing(moderator, RuntimeError("kernel failed")), waiting)
    results = moderator.score(["poison", None, "poison pill", "poison " * 90, "you"])
    assert [result.status for result in results] == ["failed", "skipped", "failed", "failed", "scored"]


def test_equal_texts_fail_alike(moderator: Moderator, monkeypatch: pytest.MonkeyPatch) -> None:
    replace(monkeypatch, moderator, refusing(moderator, RuntimeError("kernel failed")))
    one, other, again = moderator.score(["poison", "you", "poison"])
    assert (one.status, other.status) == ("failed", "scored") and one == again


@pytest.mark.parametrize("text", ["a poison", "you " * 100 + "poison " + "you " * 100])
@pytest.mark.parametrize("value", NOT_FINITE)
def test_scores_that_are_not_finite_fail_their_text_alone(
    moderator: Moderator, neighbours: list[Result], monkeypatch: pytest.MonkeyPatch, text: str, value: float
) -> None:
    def spoil(found: Predictions, where: np.ndarray) -> None:
        found.logits[where.any(axis=1), 0] = value

    replace(monkeypatch, moderator, spoiling(moderator, spoil))
    assert_only_failure(moderator.score([text, *NEIGHBOURS]), 0, "scores_not_finite", neighbours)


@pytest.mark.parametrize("value", NOT_FINITE)
def test_entities_that_are_not_finite_fail_their_text_alone(
    moderator: Moderator, neighbours: list[Result], monkeypatch: pytest.MonkeyPatch, value: float
) -> None:
    def spoil(found: Predictions, where: np.ndarray) -> None:
        assert found.tags is not None and found.confidence is not None
        with np.errstate(invalid="ignore"):
            tags, confidence = best_tags(np.full((int(where.sum()), 1, 9), value, np.float32))
        found.tags[where], found.confidence[where] = tags[:, 0], confidence[:, 0]

    replace(monkeypatch, moderator, spoiling(moderator, spoil))
    results = moderator.score(["Paris poison Paris", *NEIGHBOURS])
    assert_only_failure(results, 0, "entities_not_finite", neighbours)


@pytest.mark.parametrize(("head", "reason"), [("label", "scores_not_finite"), ("tag", "entities_not_finite")])
@pytest.mark.parametrize("backend", ["torch", "openvino"])
def test_a_head_that_says_nothing_but_nan_scores_nothing(
    tiny_model: Path, tmp_path: Path, backend: str, head: str, reason: str
) -> None:
    from safetensors.torch import load_file, save_file

    for file in tiny_model.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    weights = load_file(tmp_path / "model.safetensors")
    weights[f"{head}_head.bias"].fill_(float("nan"))
    save_file(weights, tmp_path / "model.safetensors")
    results = moderation.load(str(tmp_path), "fp32", Device("cpu", backend)).score([*NEIGHBOURS, "you " * 200, ""])
    assert results.pop().status == "skipped"
    assert {(result.status, result.status_reason) for result in results} == {("failed", reason)}


def test_a_mistake_in_our_own_code_is_not_taken_for_a_bad_text(
    moderator: Moderator, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace(monkeypatch, moderator, refusing(moderator, AttributeError("a bug")))
    with pytest.raises(AttributeError, match="a bug"):
        moderator.score(["hello", "poison"])
    monkeypatch.undo()
    assert moderator.score(["hello", "poison"])[1].status == "scored"


def test_a_mistake_in_the_tokeniser_leaves_the_engine_as_it_was(
    moderator: Moderator, neighbours: list[Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    chunks = moderator.engine.chunks

    def broken(*arguments: object) -> object:
        yield from chunks(*arguments)  # type: ignore[arg-type]
        raise AttributeError("a bug")

    monkeypatch.setattr(moderator.engine, "chunks", broken)
    with pytest.raises(AttributeError, match="a bug"):
        moderator.score(NEIGHBOURS)
    monkeypatch.undo()
    assert moderator.score(NEIGHBOURS) == neighbours
