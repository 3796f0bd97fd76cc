"""The CPU backend for processors with AMX or AVX512-BF16: our own encoder, one batch on each thread."""

import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from moderation.errors import UsageError
from moderation.inference.backend import Predictions
from moderation.inference.batches import Batch
from moderation.inference.native.ease import eased
from moderation.inference.native.encoder import GROUP, Encoder
from moderation.inference.native.library import missing
from moderation.inference.native.networks import unsupported
from moderation.inference.native.weights import Weights

if TYPE_CHECKING:
    from moderation.models.load import ModelSource

TOKEN_BUDGET = 2048  # tokens of a batch: more save Python's time for each, fewer leave less to wait for at the end
TILE = 16  # rows of a tile: a group is filled up to a multiple of it
WAITING = 2  # batches beyond one for each thread, so that none waits for Python
PRECISIONS = ("auto", "bf16", "int8")


class NativeBackend:
    """Runs the sequences of a batch one after the other without padding, on `threads` threads, each batch on one.

    What a text is answered does not depend on the texts beside it: every sum is over its own tokens, in one order.
    """

    independent = True

    def __init__(self, source: "ModelSource", precision: str, threads: int, entities: bool = True) -> None:
        self.precision = resolve_precision(precision)
        self.name = f"native {self.precision} on cpu"
        self.entities, self.seconds, self.token_budget, self.threads = entities, 0.0, TOKEN_BUDGET, threads
        weights = Weights(source)
        self.head, self.encoder = weights.label_head(), Encoder(weights, weights.in_order())
        if self.precision == "int8":
            self.encoder = Encoder(weights, eased(weights, channels(source, self.encoder)), int8=True)
        self.pool = ThreadPoolExecutor(threads, "encoder")

    def run(self, batches: Iterable[Batch]) -> Iterator[tuple[Batch, Predictions | Exception]]:
        """As many batches at once as there are threads; answers come in the order of the batches."""
        under_way = deque[tuple[Batch, Future[Predictions]]]()
        started = time.perf_counter()
        try:
            for batch in batches:
                under_way.append((batch, self.pool.submit(self.answer, batch)))
                if len(under_way) >= self.threads + WAITING:
                    yield settled(*under_way.popleft())
            while under_way:
                yield settled(*under_way.popleft())
        finally:
            for _, future in under_way:  # of a caller who gave up
                future.cancel()
            self.seconds += time.perf_counter() - started

    def answer(self, batch: Batch) -> Predictions:
        """What the network says of a batch; raises `MemoryError`."""
        pooled, tags, confidence = self.encoder.run(batch, self.entities)
        return Predictions(self.encoder.logits(pooled, self.head), tags, confidence)

    def computed(self, batch: Batch) -> int:
        """The tokens of a batch's groups, each filled up to whole tiles."""
        found = size = 0
        for length in batch.lengths.tolist():
            if size and size + length > GROUP:
                found, size = found + filled(size), 0
            size += length
        return found + filled(size)


def filled(tokens: int) -> int:
    """The rows that the products of so many tokens have."""
    return -(-tokens // TILE) * TILE


def channels(source: "ModelSource", encoder: Encoder) -> np.ndarray:
    """How large the products' input channels [layers, 2 hidden + inner] get on made-up comments."""
    from moderation.inference.openvino_int8 import calibration_windows

    seen = np.zeros((source.shape.layers, 2 * source.shape.hidden + source.shape.inner), np.float32)
    encoder.watch(seen)
    for window in calibration_windows(source):
        encoder.run(Batch(window[None], np.array([len(window)]), np.zeros(1, np.int64)), entities=False)
    return seen


def settled(batch: Batch, future: "Future[Predictions]") -> tuple[Batch, Predictions | Exception]:
    """Waits for a batch."""
    try:
        return batch, future.result()
    except MemoryError as error:
        return batch, error.with_traceback(None)


def resolve_precision(wanted: str) -> str:
    """`auto` is bf16, the most exact that the encoder computes in."""
    if wanted not in PRECISIONS:
        raise UsageError(f"precision '{wanted}': backend 'native' computes in bf16 and int8; take backend auto")
    return "bf16" if wanted == "auto" else wanted


def unavailable(source: "ModelSource | None", precision: str) -> str:
    """Why this backend does not run a model (or any) in a precision here; empty where it does."""
    if precision not in PRECISIONS:
        return f"it does not compute in {precision}"
    if why := missing():
        return why
    return unsupported(source, precision == "int8") if source else ""
