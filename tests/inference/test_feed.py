"""Between chunks and a backend: what fails is tried again smaller, and nothing is lost or asked twice."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from inference_helpers import CHECKS
from test_chunk import answer, chunk_of

from moderation.inference.backend import out_of_memory
from moderation.inference.batches import Batch
from moderation.inference.chunk import Budget, Chunk
from moderation.inference.feed import Feed

Judge = Callable[[Batch], Exception | None]
lengths = st.lists(st.lists(st.integers(0, 60), max_size=8), max_size=4)


def work_off(chunks: list[Chunk], budget: Budget, judge: Judge, waiting: int = 0) -> tuple[list[Chunk], list[Batch]]:
    """Answers a feed as a backend with `waiting` further requests does; the chunks done, and all batches asked for."""
    done: list[Chunk] = []
    asked: list[Batch] = []
    feed = Feed(iter(chunks), budget, done.append)

    def settle(batch: Batch) -> None:
        feed.settle(batch, judge(batch) or answer(batch))

    while feed.more():
        under_way: list[Batch] = []
        for batch in feed:
            asked.append(batch)
            under_way.append(batch)
            if len(under_way) > waiting:
                settle(under_way.pop(0))
        for batch in under_way:
            settle(batch)
    return done, asked


def windows_with(chunk: Chunk, batch: Batch, text: int) -> bool:
    return bool(batch.chunk is chunk and (chunk.windows.owners[batch.windows] == text).any())


@CHECKS
@given(sizes=lengths, budget=st.integers(1, 300), waiting=st.integers(0, 4))
def test_all_chunks_are_done_once_with_all_answers(sizes: list[list[int]], budget: int, waiting: int) -> None:
    chunks = [chunk_of(found) for found in sizes]
    done, asked = work_off(chunks, Budget(budget), lambda batch: None, waiting)
    assert sorted(map(id, done)) == sorted(map(id, chunks))
    assert sum(len(batch.windows) for batch in asked) == sum(len(chunk.windows.owners) for chunk in chunks)
    assert all(chunk.pending == 0 and np.isfinite(chunk.logits).all() and not chunk.errors for chunk in chunks)


@CHECKS
@given(sizes=st.lists(st.integers(1, 60), min_size=1, max_size=20), waiting=st.integers(0, 4), data=st.data())
def test_a_failing_batch_is_halved_until_the_window_at_fault_stands_alone(
    sizes: list[int], waiting: int, data: st.DataObject
) -> None:
    chunk, poison = chunk_of(sizes), data.draw(st.integers(0, len(sizes) - 1))
    failed: list[Batch] = []

    def judge(batch: Batch) -> Exception | None:
        if not windows_with(chunk, batch, poison):
            return None
        failed.append(batch)
        return RuntimeError("kernel failed")

    done, _ = work_off([chunk], Budget(300), judge, waiting)
    assert done == [chunk]
    assert chunk.errors == {poison: "model_error:RuntimeError"}
    mine = chunk.windows.owners == poison
    assert np.isfinite(chunk.logits[~mine]).all() and np.isnan(chunk.logits[mine]).all()
    assert sum(len(batch.windows) == 1 for batch in failed) == mine.sum()


@CHECKS
@given(sizes=lengths, fits=st.integers(16, 200), waiting=st.integers(0, 4))
def test_batches_that_memory_is_too_short_for_lower_the_budget_of_those_to_come(
    sizes: list[list[int]], fits: int, waiting: int
) -> None:
    chunks, budget, failed = [chunk_of(found) for found in sizes], Budget(400), []

    def judge(batch: Batch) -> Exception | None:
        if batch.ids.size <= fits:
            return None
        failed.append(batch.ids.size)
        return MemoryError()

    done, _ = work_off(chunks, budget, judge, waiting)
    assert len(done) == len(chunks) and all(not chunk.errors for chunk in chunks)
    assert all(np.isfinite(chunk.logits).all() for chunk in chunks)
    assert budget.tokens == min([400, *(size // 2 for size in failed)])
    before = len(failed)
    work_off([chunk_of(found) for found in sizes], budget, judge, waiting)
    assert len(failed) == before, "what was learnt is kept for the next list"


def test_an_error_that_is_not_of_memory_leaves_the_budget_alone() -> None:
    budget = Budget(300)
    work_off([chunk_of([5] * 20)], budget, lambda batch: RuntimeError("kernel failed"))
    assert budget.tokens == 300


def test_one_window_that_memory_is_too_short_for_does_not_lower_the_budget_below_its_own_width() -> None:
    chunk, budget = chunk_of([1] * 5), Budget(300)
    work_off([chunk], budget, lambda batch: MemoryError())
    assert budget.tokens == 3
    assert chunk.errors == dict.fromkeys(range(5), "model_error:MemoryError")


def test_chunks_without_windows_are_done_at_once() -> None:
    done: list[Chunk] = []
    empty, other = chunk_of([0, 0]), chunk_of([])
    feed = Feed(iter([empty, other]), Budget(10), done.append)
    assert done == [empty, other] and not feed.more() and list(feed) == []


def test_a_chunk_is_done_while_the_next_is_still_asked_for() -> None:
    done: list[Chunk] = []
    first, second = chunk_of([5]), chunk_of([6])
    feed = Feed(iter([first, second]), Budget(100), done.append)
    one, two = next(feed), next(feed)
    assert (one.chunk, two.chunk) == (first, second)
    feed.settle(two, answer(two))
    assert done == [second]
    feed.settle(one, answer(one))
    assert done == [second, first]


def test_a_batch_that_fails_last_comes_back_after_the_end() -> None:
    feed = Feed(iter([chunk_of([5, 5])]), Budget(100), lambda chunk: None)
    (batch,) = list(feed)
    assert not feed.more()
    feed.settle(batch, RuntimeError())
    assert feed.more() and [len(half.windows) for half in feed] == [1, 1]


def test_a_mistake_of_the_tokeniser_is_handed_on() -> None:
    def chunks() -> Iterator[Chunk]:
        yield chunk_of([5])
        raise AttributeError("a bug")

    feed = Feed(chunks(), Budget(100), lambda chunk: None)
    with pytest.raises(AttributeError, match="a bug"):
        list(feed)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError(), True),
        (MemoryError("std::bad_alloc"), True),
        (RuntimeError("could not allocate memory"), True),
        (RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"), True),
        (RuntimeError("Check failed: std::bad_alloc"), True),
        (RuntimeError("index out of range"), False),
        (RuntimeError(), False),
    ],
)
def test_errors_of_memory_are_told_from_others(error: Exception, expected: bool) -> None:
    assert out_of_memory(error) is expected
