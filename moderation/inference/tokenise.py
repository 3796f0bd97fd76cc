"""Texts to token ids in bulk; words and character offsets only of the texts that need them."""

from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from moderation.inference.words import Ints, Places, cumulated, joined, parts_words, trimmed
from moderation.text.case import FACTOR, types_at

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer

UNKNOWN = ("[UNK]", "<unk>")


@dataclass(frozen=True)
class Tokens:
    """The tokens of many texts without special tokens: text i has `ids[bounds[i]:bounds[i + 1]]`, int32.

    `ids` may hold the case of letters as well (`moderation.text.case`).

    `texts` are kept where the tokenizer's words are runs between spaces, and not yet words.
    """

    ids: np.ndarray
    bounds: Ints
    encodings: "list[Encoding]"
    texts: list[str] | None = None

    @property
    def lengths(self) -> Ints:
        """Tokens per text."""
        return np.diff(self.bounds)

    def places(self, texts: Ints) -> Places:
        """The words and offsets of the texts with these numbers: reading them costs more than tokenising did."""
        chosen = [self.encodings[text] for text in texts]
        offsets = np.array([pair for encoding in chosen for pair in encoding.offsets], np.int64).reshape(-1, 2)
        words = np.fromiter(chain.from_iterable(encoding.word_ids for encoding in chosen), np.int64)
        places = Places(words, offsets[:, 0], offsets[:, 1], cumulated(self.lengths[texts]))
        return joined(places) if self.texts is None else trimmed([self.texts[text] for text in texts], places)


def tokenise(tokenizer: "Tokenizer", texts: list[str]) -> Tokens:
    """Tokenises texts that hold no lone surrogates, without special tokens, on all of the tokenizer's threads."""
    encodings = tokenizer.encode_batch(texts, add_special_tokens=False)
    ids = np.fromiter(chain.from_iterable(encoding.ids for encoding in encodings), np.int32)
    ids = without_specials(tokenizer, ids)
    bounds = cumulated(np.fromiter(map(len, encodings), np.int64))
    return Tokens(ids, bounds, encodings, None if parts_words(tokenizer) else texts)


def with_case(tokens: Tokens, texts: list[str]) -> Tokens:
    """The tokens of these texts, the case of the word that each is of being in its id."""
    starts = np.fromiter(chain.from_iterable(chain.from_iterable(each.offsets for each in tokens.encodings)), np.int64)
    owners = np.repeat(np.arange(len(texts)), tokens.lengths)
    return replace(tokens, ids=tokens.ids + FACTOR * types_at(texts, owners, starts[::2]))


def without_specials(tokenizer: "Tokenizer", ids: np.ndarray) -> np.ndarray:
    """Ids with the unknown token in place of special ones: to SentencePiece's models "<s>" in a text is a piece like
    any other."""
    unknown = next((number for name in UNKNOWN if (number := tokenizer.token_to_id(name)) is not None), None)
    special = [number for number, token in tokenizer.get_added_tokens_decoder().items() if token.special]
    found = np.isin(ids, [number for number in special if number != unknown])
    return ids if unknown is None or not found.any() else np.where(found, np.int32(unknown), ids)
