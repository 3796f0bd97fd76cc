"""A moderator whose backend is made to fail."""

from collections.abc import Callable, Iterable, Iterator

import pytest
from inference_helpers import WORDS, assert_same

from moderation.inference.backend import Predictions
from moderation.inference.batches import Batch
from moderation.inference.moderator import Moderator, Result

NEIGHBOURS = [*(" ".join(WORDS[: 1 + index % len(WORDS)]) for index in range(20)), "you " * 150]
Predict = Callable[[Batch], Predictions]


def usual(moderator: Moderator) -> Predict:
    """The backend's own predictions, batch by batch."""
    run = moderator.engine.members[0].backend.run

    def predict(batch: Batch) -> Predictions:
        ((_, answer),) = run([batch])
        assert isinstance(answer, Predictions)
        return answer

    return predict


def poison(moderator: Moderator) -> int:
    """The id of the token that makes a batch fail; no neighbour has it."""
    return int(moderator.engine.members[0].tokenizer.token_to_id("poison"))


def replace(monkeypatch: pytest.MonkeyPatch, moderator: Moderator, predict: Predict, waiting: int = 0) -> None:
    """Has the backend answer with `predict`, `waiting` batches late; what it raises goes the way of a real error."""

    def answered(batch: Batch) -> tuple[Batch, Predictions | Exception]:
        try:
            return batch, predict(batch)
        except (RuntimeError, MemoryError) as error:
            return batch, error

    def run(batches: Iterable[Batch]) -> Iterator[tuple[Batch, Predictions | Exception]]:
        under_way: list[Batch] = []
        for batch in batches:
            under_way.append(batch)
            if len(under_way) > waiting:
                yield answered(under_way.pop(0))
        yield from map(answered, under_way)

    monkeypatch.setattr(moderator.engine.members[0].backend, "run", run)


def refusing(moderator: Moderator, error: Exception) -> Predict:
    """Predictions of a backend that refuses any batch in which the poison is."""
    predict_usually, token = usual(moderator), poison(moderator)

    def predict(batch: Batch) -> Predictions:
        if (batch.ids == token).any():
            raise error
        return predict_usually(batch)

    return predict


def fitting(moderator: Moderator, tokens: int, error: Exception, sizes: list[int]) -> Predict:
    """Predictions of a backend whose memory is enough for `tokens`; notes the sizes it was asked for."""
    predict_usually = usual(moderator)

    def predict(batch: Batch) -> Predictions:
        sizes.append(batch.ids.size)
        if batch.ids.size > tokens:
            raise error
        return predict_usually(batch)

    return predict


def assert_only_failure(results: list[Result], index: int, reason: str, neighbours: list[Result]) -> None:
    """Text `index` failed for `reason`, and all others have their usual answers."""
    failed = results.pop(index)
    assert (failed.status, failed.status_reason) == ("failed", reason)
    assert not failed.scores and not failed.labels and not failed.entities and failed.evidence is None
    for mine, expected in zip(results, neighbours, strict=True):
        assert_same(mine, expected)
