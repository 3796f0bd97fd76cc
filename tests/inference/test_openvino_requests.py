"""Several requests are in flight at once: answers keep their batches, and what dies dies alone."""

from pathlib import Path

import numpy as np
import pytest
from inference_helpers import given_up

from moderation.inference.backend import Backend, Predictions
from moderation.inference.batches import Batch
from moderation.inference.devices import Device, load_backend
from moderation.inference.openvino_backend import OpenvinoBackend
from moderation.models.load import find_model


@pytest.fixture(scope="module")
def torch(tiny_model: Path) -> Backend:
    return load_backend(find_model(str(tiny_model)), "fp32", Device("cpu", "torch"))


@pytest.fixture(scope="module", params=[1, 2, 5])
def openvino(tiny_model: Path, request: pytest.FixtureRequest) -> Backend:
    """With so many threads, and two requests more in flight."""
    return load_backend(find_model(str(tiny_model)), "fp32", Device("cpu", "openvino", request.param))


def batches(count: int, seed: int = 0) -> list[Batch]:
    """Batches of random tokens in random shapes."""
    random, found = np.random.default_rng(seed), []
    for number in range(count):
        lengths = random.integers(3, 65, random.integers(1, 25))
        ids = random.integers(1000, 30000, (len(lengths), lengths.max()))
        ids[np.arange(ids.shape[1]) >= lengths[:, None]] = 0
        found.append(Batch(ids, lengths, np.arange(len(lengths)), number))
    return found


def assert_close(batch: Batch, one: Predictions | Exception, two: Predictions | Exception) -> None:
    assert isinstance(one, Predictions) and isinstance(two, Predictions)
    assert one.tags is not None and one.confidence is not None and two.tags is not None and two.confidence is not None
    inside = np.arange(batch.ids.shape[1]) < batch.lengths[:, None]
    np.testing.assert_allclose(one.logits, two.logits, atol=1e-3)
    np.testing.assert_allclose(one.confidence[inside], two.confidence[inside], atol=1e-4)
    assert (one.tags[inside] == two.tags[inside]).mean() > 0.999


def answers(backend: Backend, given: list[Batch]) -> list[Predictions | Exception]:
    """Answers in the order of the batches, which is the order they come in."""
    found = list(backend.run(given))
    assert [batch.chunk for batch, _ in found] == [batch.chunk for batch in given]
    return [answer for _, answer in found]


def test_logits_of_every_row_and_label_are_torchs(torch: Backend, openvino: Backend) -> None:
    given = batches(25)
    both = (answers(found, given) for found in (openvino, torch))
    for batch, mine, yours in zip(given, *both, strict=True):
        assert_close(batch, mine, yours)


def test_answers_of_many_requests_are_those_of_each_alone(openvino: Backend) -> None:
    backend, given = openvino, batches(25, seed=1)
    for batch, together in zip(given, answers(backend, given), strict=True):
        assert_close(batch, together, *answers(backend, [batch]))


def test_no_batches_no_answers(openvino: Backend) -> None:
    assert answers(openvino, []) == []


def test_the_models_seconds_grow(openvino: Backend) -> None:
    before = openvino.seconds
    answers(openvino, batches(3))
    assert openvino.seconds > before


def test_who_gives_up_halfway_leaves_every_request_free(torch: Backend, openvino: Backend) -> None:
    given = batches(12)
    given_up(openvino, given)
    for batch, mine in zip(given, answers(openvino, given), strict=True):
        assert_close(batch, mine, *answers(torch, [batch]))


class Refusing:
    """A request that cannot even be started, or that dies on its way."""

    def __init__(self, start: Exception | None, end: Exception | None) -> None:
        self.start, self.end = start, end

    def start_async(self, inputs: list[np.ndarray]) -> None:
        if self.start:
            raise self.start

    def wait(self) -> None:
        if self.end:
            raise self.end


@pytest.mark.parametrize("error", [RuntimeError("could not allocate memory"), MemoryError("std::bad_alloc")], ids=repr)
@pytest.mark.parametrize("early", [True, False])
def test_a_request_that_dies_answers_with_its_error_and_costs_no_other_batch(
    openvino: Backend, monkeypatch: pytest.MonkeyPatch, error: Exception, early: bool
) -> None:
    backend, given = openvino, batches(9)
    assert isinstance(backend, OpenvinoBackend)
    request = Refusing(error, None) if early else Refusing(None, error)
    monkeypatch.setattr(backend, "requests", [*backend.requests[:-1], request])
    found = {batch.chunk: answer for batch, answer in backend.run(given)}
    assert sorted(found) == list(range(9))  # type: ignore[type-var]
    assert error in found.values()
    assert all(answer is error or isinstance(answer, Predictions) for answer in found.values())


def test_without_the_entity_head_the_labels_are_the_same(torch: Backend, tiny_model: Path) -> None:
    labels_only = load_backend(find_model(str(tiny_model)), "fp32", Device("cpu", "openvino", 1), entities=False)
    for batch, answer in labels_only.run(batches(5)):
        (expected,) = answers(torch, [batch])
        assert isinstance(answer, Predictions) and isinstance(expected, Predictions)
        np.testing.assert_allclose(answer.logits, expected.logits, atol=1e-3)
        assert answer.tags is None and answer.confidence is None
