"""Equal texts are scored once, and answered as if each had been."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from inference_helpers import FEW_CHECKS, assert_same, bodies

from moderation.inference.backend import Predictions
from moderation.inference.batches import Batch
from moderation.inference.devices import Device
from moderation.inference.engine import Engine
from moderation.inference.moderator import Moderator
from moderation.inference.recent import LONGEST, Recent
from moderation.models.load import find_model


class Watched:
    """A moderator that remembers, and the rows that its model was given."""

    def __init__(self, folder: Path, backend: str) -> None:
        self.moderator = Moderator(Engine(find_model(str(folder)), "fp32", Device("cpu", backend)))
        self.engine, self.rows = self.moderator.engine, 0
        run = self.engine.members[0].backend.run

        def counted(batches: Iterable[Batch]) -> Iterator[tuple[Batch, Predictions | Exception]]:
            for batch, answer in run(batches):
                self.rows += len(batch.ids)
                yield batch, answer

        self.engine.members[0].backend.run = counted  # type: ignore[method-assign]

    def asked(self, texts: list[str | None]) -> int:
        """How many windows the model is given for a list of texts."""
        before = self.rows
        self.moderator.score(texts)
        return self.rows - before


@pytest.fixture(scope="module", params=["torch", "openvino"])
def loaded(tiny_model: Path, request: pytest.FixtureRequest) -> Watched:
    return Watched(tiny_model, request.param)


@pytest.fixture
def watched(loaded: Watched) -> Watched:
    """One that remembers nothing yet."""
    loaded.engine.recent = Recent()
    return loaded


def test_equal_texts_of_a_list_are_scored_once(watched: Watched) -> None:
    assert watched.asked(["you", "Paris", "you", "you", "You", "you "]) == 4


def test_equal_texts_of_later_lists_are_not_scored_again(watched: Watched) -> None:
    assert watched.asked(["you", "Paris"]) == 2
    assert watched.asked(["Paris", "London", "you", "Paris"]) == 1
    assert watched.asked(["London", "you", "Paris"]) == 0


def test_duplicates_are_counted(watched: Watched) -> None:
    assert watched.engine.score(["you", "Paris", "you", "you"]).work.duplicates == 2
    work = watched.engine.score(["Paris", "London", "Paris", "", None, "London"]).work
    assert (work.texts, work.duplicates, work.windows, work.duplicate_share) == (6, 3, 1, 0.5)


def test_a_skipped_text_is_no_duplicate(watched: Watched) -> None:
    skipped = ["[deleted]", "[deleted]", None, None, "", "", " [removed] ", " [removed] "]
    for _ in range(2):
        work = watched.engine.score(skipped).work
        assert (work.texts, work.duplicates, work.windows) == (8, 0, 0)
    assert not watched.engine.recent.places


def test_a_long_text_is_scored_once_per_list_but_not_remembered(watched: Watched) -> None:
    long = "you " * (LONGEST // 4) + "!"
    windows = watched.asked([long])
    assert windows > 1
    assert watched.asked([long, "you", long]) == windows + 1


def test_the_memory_is_bounded(watched: Watched) -> None:
    watched.engine.recent = Recent(capacity=3)
    assert watched.asked(["one", "two"]) == watched.asked(["three", "four"]) == 2
    assert len(watched.engine.recent.places) == 2
    assert watched.asked(["three", "four"]) == 0
    assert watched.asked(["one"]) == 1


def test_a_text_that_failed_is_tried_again(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(batches: Iterable[Batch]) -> Iterator[tuple[Batch, Predictions | Exception]]:
        return ((batch, RuntimeError("kernel failed")) for batch in batches)

    with monkeypatch.context() as patch:
        patch.setattr(watched.engine.members[0].backend, "run", failing)
        results = watched.moderator.score(["you", "Paris", "you"])
        assert [result.status for result in results] == ["failed"] * 3
    assert [result.status for result in watched.moderator.score(["you", "Paris", "you"])] == ["scored"] * 3


def test_an_engine_that_is_to_remember_nothing_asks_every_time(moderator: Moderator) -> None:
    assert [moderator.engine.score(["you", "you"]).work.windows for _ in range(2)] == [1, 1]


@settings(FEW_CHECKS, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(calls=st.lists(st.lists(bodies, max_size=5), max_size=4), repeats=st.integers(1, 3), data=st.data())
def test_answers_are_identical_to_scoring_each(
    watched: Watched, moderator: Moderator, calls: list[list[str | None]], repeats: int, data: st.DataObject
) -> None:
    for call in calls:
        texts = data.draw(st.permutations(call * repeats))
        for text, result in zip(texts, watched.moderator.score(texts), strict=True):
            assert_same(result, moderator.score([text])[0])


def test_spans_of_duplicates_are_in_the_order_of_the_texts(watched: Watched) -> None:
    watched.moderator.score(["Angela Merkel wonderful you idiot Paris"])
    texts = ["Paris", "Angela Merkel wonderful you idiot Paris", "you", "Paris", "wonderful idiot", "you"]
    rows = [row for row, *_ in watched.engine.score(texts).spans.rows()]
    assert rows == sorted(rows) and rows
