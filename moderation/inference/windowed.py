"""Tokenised texts with their windows, as flat arrays."""

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from moderation.inference.tokenise import Tokens, tokenise
from moderation.text.windows import Window, split

if TYPE_CHECKING:
    from tokenizers import Tokenizer


@dataclass(frozen=True)
class Windowed:
    """Texts as tokens and windows; window i is of text `owners[i]`, its bounds are positions in the flat tokens."""

    tokens: Tokens
    windows: list[Window]
    owners: np.ndarray

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each window, special tokens left out."""
        return np.array([window.end - window.start for window in self.windows], np.int64)

    def windows_of_texts(self) -> list[range]:
        """For each text the numbers of its windows; none where it has no tokens."""
        bounds = np.searchsorted(self.owners, np.arange(len(self.tokens.lengths) + 1)).tolist()
        return [range(low, high) for low, high in pairwise(bounds)]


def cut(tokenizer: "Tokenizer", texts: list[str], size: int, overlap: int) -> Windowed:
    """Tokenises texts and cuts them into windows of at most `size` tokens."""
    tokens = tokenise(tokenizer, texts)
    found = [split(length, size, overlap) for length in tokens.lengths.tolist()]
    bases = tokens.bounds.tolist()
    windows = [
        Window(*(base + bound for bound in window)) for base, cuts in zip(bases, found, strict=False) for window in cuts
    ]
    return Windowed(tokens, windows, np.repeat(np.arange(len(texts)), [len(cuts) for cuts in found]))
