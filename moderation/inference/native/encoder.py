"""A loaded encoder: weights that were packed for the processor, and batches through them."""

import ctypes
from collections.abc import Callable, Iterable

import numpy as np

from moderation.inference.batches import Batch
from moderation.inference.native.library import Config, address, library
from moderation.inference.native.weights import Array, Head, Weights

GROUP = 320  # tokens that go through the layers together: what they need stays in a core's second cache
BETWEEN: dict[str, Callable[[Array], Array]] = {"tanh": np.tanh, "relu": lambda numbers: np.maximum(numbers, 0)}


class Encoder:
    """Calls of encoder.cpp. They let other threads run meanwhile, and any number of them may be under way at once."""

    def __init__(self, weights: Weights, arrays: Iterable[Array], int8: bool = False) -> None:
        found = library()
        assert found is not None  # who loads a model has asked
        given = [np.ascontiguousarray(array, np.float32) for array in arrays]
        shape, tags = weights.source.shape, len(weights.tag_head()) and len(weights.source.spec.tags)
        types = shape.types if weights.source.spec.case else 0
        sizes = (shape.hidden, weights.heads, shape.inner, shape.layers, tags, int8, weights.label_head().first, types)
        pointers = (ctypes.c_void_p * len(given))(*(array.ctypes.data for array in given))
        handle = found.moderation_encoder(ctypes.byref(Config(*sizes, weights.epsilon)), pointers)
        if not handle:
            raise MemoryError(f"no memory for the weights of {weights.source.folder}")
        self.embeddings = given[:2]  # which are read where they lie
        self.library, self.handle, self.hidden = found, ctypes.c_void_p(handle), shape.hidden

    def __del__(self) -> None:
        if hasattr(self, "handle"):
            self.library.moderation_free(self.handle)

    def watch(self, seen: Array) -> None:
        """Notes from now on in seen [layers, 2 hidden + inner] how large the products' input channels get."""
        self.library.moderation_watch(self.handle, address(seen))

    def run(self, batch: Batch, entities: bool) -> tuple[Array, Array | None, Array | None]:
        """A batch's texts' vectors [rows, hidden] and, with entities, tags and confidence [rows, width]; raises
        `MemoryError`."""
        ids, lengths = np.ascontiguousarray(batch.ids, np.int64), np.ascontiguousarray(batch.lengths, np.int64)
        pooled = np.empty((len(ids), self.hidden), np.float32)
        tags = np.zeros(ids.shape, np.int16) if entities else None
        confidence = np.zeros(ids.shape, np.float32) if entities else None
        sizes = (ctypes.c_int64(size) for size in ids.shape)
        code = self.library.moderation_run(
            *(self.handle, ctypes.c_int64(GROUP), address(ids), *sizes, address(lengths)),
            *(address(pooled), address(tags), address(confidence)),
        )
        if code:
            raise MemoryError("no memory for a batch")
        return pooled, tags, confidence

    def logits(self, pooled: Array, head: Head) -> Array:
        """Vectors [rows, hidden] to label logits [rows, labels]."""
        for number, (weight, bias) in enumerate(head.layers):
            given = BETWEEN[head.between](pooled) if number else pooled
            pooled = np.empty((len(given), len(bias)), np.float32)
            sizes = (ctypes.c_int64(len(given)), ctypes.c_int64(given.shape[1]))
            self.library.moderation_linear(
                *(address(given), *sizes, address(weight), address(bias), ctypes.c_int64(len(bias)), address(pooled))
            )
        return pooled if head.layers else np.zeros((len(pooled), 0), np.float32)
