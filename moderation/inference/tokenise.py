"""Texts to token ids, words and character offsets, in bulk."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Ints = np.ndarray  # one-dimensional, int64 unless said otherwise


@dataclass(frozen=True)
class Tokens:
    """The tokens of many texts, one after the other; text i has tokens `bounds[i]` to `bounds[i + 1]`.

    `starts` and `ends` are offsets in code points of the text that was given; `words` numbers the words of each text.
    """

    ids: Ints
    words: Ints
    starts: Ints
    ends: Ints
    bounds: Ints

    @property
    def lengths(self) -> Ints:
        """Tokens per text, special tokens left out."""
        return np.diff(self.bounds)


def tokenise(tokenizer: "Tokenizer", texts: list[str]) -> Tokens:
    """Tokenises texts that hold no lone surrogates, without special tokens."""
    encodings = tokenizer.encode_batch(texts, add_special_tokens=False)
    lengths = [len(encoding) for encoding in encodings]
    offsets = np.array([pair for encoding in encodings for pair in encoding.offsets], np.int64).reshape(-1, 2)
    return Tokens(
        ids=np.array([token for encoding in encodings for token in encoding.ids], np.int64),
        words=np.array([word for encoding in encodings for word in encoding.word_ids], np.int64),
        starts=offsets[:, 0],
        ends=offsets[:, 1],
        bounds=np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]),
    )
