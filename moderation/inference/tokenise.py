"""Texts to token ids in bulk; words and character offsets only of the texts that need them."""

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer

Ints = np.ndarray  # one-dimensional, int64 unless said otherwise


@dataclass(frozen=True)
class Places:
    """Where the tokens of some texts stand, one text after the other; text i has tokens `bounds[i]` to `bounds[i + 1]`.

    `starts` and `ends` are offsets in code points of the text that was given; `words` numbers the words of each text.
    """

    words: Ints
    starts: Ints
    ends: Ints
    bounds: Ints

    @property
    def lengths(self) -> Ints:
        """Tokens per text."""
        return np.diff(self.bounds)


@dataclass(frozen=True)
class Tokens:
    """The tokens of many texts without special tokens: text i has `ids[bounds[i]:bounds[i + 1]]`, int32."""

    ids: np.ndarray
    bounds: Ints
    encodings: "list[Encoding]"

    @property
    def lengths(self) -> Ints:
        """Tokens per text."""
        return np.diff(self.bounds)

    def places(self, texts: Ints) -> Places:
        """The words and offsets of the texts with these numbers: reading them costs more than tokenising did."""
        chosen = [self.encodings[text] for text in texts]
        offsets = np.array([pair for encoding in chosen for pair in encoding.offsets], np.int64).reshape(-1, 2)
        words = np.fromiter(chain.from_iterable(encoding.word_ids for encoding in chosen), np.int64)
        return Places(words, offsets[:, 0], offsets[:, 1], cumulated(self.lengths[texts]))


def tokenise(tokenizer: "Tokenizer", texts: list[str]) -> Tokens:
    """Tokenises texts that hold no lone surrogates, without special tokens, on all of the tokenizer's threads."""
    encodings = tokenizer.encode_batch(texts, add_special_tokens=False)
    ids = np.fromiter(chain.from_iterable(encoding.ids for encoding in encodings), np.int32)
    return Tokens(ids, cumulated(np.fromiter(map(len, encodings), np.int64)), encodings)


def cumulated(lengths: Ints) -> Ints:
    """Where each of several runs of these lengths begins, and the end of the last."""
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
