"""A bounded memory of texts that were scored lately: dumps are full of the same short replies."""

from collections import deque
from collections.abc import Sequence
from typing import TypeGuard

import numpy as np

from moderation.inference.scored import Scored

CAPACITY = 100_000  # texts
LONGEST = 256  # characters: bounds the memory; short replies are what is written twice


class Recent:
    """Finds the answers that equal texts were given; forgets the oldest lists of answers as a whole."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self.capacity = capacity
        self.places: dict[str, tuple[Scored, int]] = {}
        self.lists: deque[list[str]] = deque()

    def find(self, text: str) -> tuple[Scored, int] | None:
        """The answers that hold an equal text's, and its row in them."""
        return self.places.get(text)

    def remember(self, scored: Scored, texts: Sequence[str | None], rows: Sequence[int]) -> None:
        """Remembers the rows that were scored, of the texts that are short; `rows` must be new.

        The answers are copied: neither the caller's hand nor the rows that are not remembered reach the memory.
        """
        kept = {text: row for row in rows if worth(text := texts[row]) and scored.reasons[row] is None}
        if not kept or not self.capacity:
            return
        answers = Scored.blank([None] * len(kept), scored.scores.shape[1])
        answers.spans = answers.copy(scored, np.array(list(kept.values())), np.arange(len(kept)))
        self.places.update((text, (answers, place)) for place, text in enumerate(kept))
        self.lists.append(list(kept))
        while self.lists and len(self.places) > self.capacity:
            for text in self.lists.popleft():
                del self.places[text]


def worth(text: str | None) -> TypeGuard[str]:
    """Whether a text is short enough to be remembered."""
    return text is not None and len(text) <= LONGEST
