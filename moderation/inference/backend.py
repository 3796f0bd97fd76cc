"""What a backend is: batches in, predictions out, in any order and with any number of batches under way."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from moderation.inference.batches import Batch


@dataclass(frozen=True)
class Predictions:
    """What the network says of a batch: label logits [rows, labels], and per token [rows, width] the best tag and its
    probability; no tags where the backend was loaded without the entity head."""

    logits: np.ndarray
    tags: np.ndarray | None
    confidence: np.ndarray | None


class Backend(Protocol):
    """A network, loaded in one precision on one device.

    `independent` is whether its answer to a row is the same to the last bit whatever rows are beside it.
    """

    independent: bool
    name: str
    precision: str
    token_budget: int
    seconds: float

    def computed(self, batch: "Batch") -> int:
        """How many tokens it runs on for a batch, padding included."""

    def run(self, batches: "Iterable[Batch]") -> "Iterator[tuple[Batch, Predictions | Exception]]":
        """Yields each batch once, with its predictions or the error (`RuntimeError`, `MemoryError`) it died of.

        It may take several batches before it yields the first. `seconds` grows by the time that the model was busy.
        """


def best_tags(logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Tag logits [rows, width, tags] to the best tag of each token and its softmax probability."""
    highest = logits.max(-1)
    tags = logits.argmax(-1).astype(np.int16)
    return tags, 1 / np.exp(logits - highest[..., None]).sum(-1)


def out_of_memory(error: Exception) -> bool:
    """Whether an error says that there was not enough memory: for that a smaller batch helps."""
    text = str(error).lower()
    return isinstance(error, MemoryError) or "memory" in text or "bad_alloc" in text
