"""What stands between chunks of texts and a backend: batches out, answers in, and what fails is tried again smaller."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from moderation.inference.backend import Predictions, out_of_memory
from moderation.inference.batches import Batch
from moderation.inference.chunk import Budget, Chunk

Item = TypeVar("Item")


class Feed(Iterator[Batch]):
    """The batches of all chunks, one after the other, without a pause where one chunk ends.

    A batch that fails is halved until the window at fault stands alone; one that memory was too short for lowers the
    budget of those to come. `done` is called with each chunk whose windows are all answered.
    """

    def __init__(self, chunks: Iterator[Chunk], budget: Budget, done: Callable[[Chunk], None]) -> None:
        self.budget, self.done = budget, done
        self.again: list[Batch] = []
        self.fresh = (batch for chunk in chunks for batch in self.open(chunk))
        self.next: Batch | None = next(self.fresh, None)

    def open(self, chunk: Chunk) -> Iterator[Batch]:
        """A chunk's batches; a chunk without a window is done at once."""
        if not chunk.pending:
            self.done(chunk)
        return chunk.batches(self.budget)

    def more(self) -> bool:
        """Whether a batch is left; failures may bring some back after the last."""
        return bool(self.again) or self.next is not None

    def __next__(self) -> Batch:
        if self.again:
            return self.again.pop()
        if self.next is None:
            raise StopIteration
        batch, self.next = self.next, next(self.fresh, None)
        return batch

    def settle(self, batch: Batch, answer: Predictions | Exception) -> None:
        """Hands an answer to the batch's chunk, or sees to it that what failed is tried again."""
        chunk = batch.chunk
        assert isinstance(chunk, Chunk)
        if isinstance(answer, Predictions):
            chunk.accept(batch, answer)
        else:
            if len(batch.windows) > 1 and out_of_memory(answer):
                self.budget.tokens = max(1, min(self.budget.tokens, batch.ids.size // 2))
            if len(batch.windows) > 1:
                self.again.extend(batch.halves())
                return
            chunk.refuse(batch, f"model_error:{type(answer).__name__}")
        if not chunk.pending:
            self.done(chunk)


def ahead(items: Iterator[Item]) -> Iterator[Item]:
    """The same items, each made in a thread while its predecessor is in use."""
    with ThreadPoolExecutor(1) as pool:
        end = object()
        coming = pool.submit(next, items, end)
        while (item := coming.result()) is not end:
            coming = pool.submit(next, items, end)
            yield item  # type: ignore[misc]
