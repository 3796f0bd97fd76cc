"""Which tokens a masked language model has to guess.

15% of the words, all tokens of a word together; of the tokens chosen 80% are masked, 10% become another token and 10%
stay as they are (Devlin et al., "BERT", 2019; whole words as in the authors' later models).
"""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tokenizers import Tokenizer

from moderation.errors import UsageError

MASKED, REPLACED = 0.8, 0.1
MASKS = ("[MASK]", "<mask>")
BEGINNINGS = ("Ġ", "▁")  # with which a word's first token begins in byte-level BPE and in SentencePiece


class Masks:
    """Chooses and masks tokens of one vocabulary."""

    def __init__(self, tokenizer: "Tokenizer", share: float) -> None:
        vocabulary = tokenizer.get_vocab()
        known = [vocabulary[name] for name in MASKS if name in vocabulary]
        if not known:
            raise UsageError(f"the base's vocabulary has no {' or '.join(MASKS)}: it was made for no masked training")
        self.mask, self.share, self.size = known[0], share, max(vocabulary.values()) + 1
        self.begins = word_beginnings(vocabulary, self.size)

    def draw(self, ids: np.ndarray, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Token ids of one text with some of them masked, and which ones are to be guessed; at least one is."""
        if not len(ids):
            return ids, np.zeros(0, bool)
        word = np.cumsum(self.begins[ids])
        numbers = np.unique(word)
        taken = random.random(len(numbers)) < self.share
        if not taken.any():
            taken[random.integers(len(numbers))] = True
        chosen = np.isin(word, numbers[taken])
        fate = random.random(len(ids))
        other = random.integers(self.size, size=len(ids))
        masked = np.where(chosen & (fate < MASKED), self.mask, ids)
        return np.where(chosen & (fate >= 1 - REPLACED), other, masked), chosen


def word_beginnings(vocabulary: dict[str, int], size: int) -> np.ndarray:
    """Which tokens begin a word [size]: by WordPiece's ##, or by the sign of a space; all where neither is used."""
    names = list(vocabulary)
    continues = [name.startswith("##") for name in names]
    if not any(continues) and any(name.startswith(BEGINNINGS) for name in names):
        continues = [not name.startswith((*BEGINNINGS, "<", "[")) for name in names]
    begins = np.ones(size, bool)
    begins[[vocabulary[name] for name, inside in zip(names, continues, strict=True) if inside]] = False
    return begins
