"""Where tokens stand, and what is a word to tokenizers that know only spaces."""

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Ints = np.ndarray  # one-dimensional, int64 unless said otherwise
# Scripts without spaces between words, where any token may begin a name: Thai, Lao, Burmese, Khmer, kana, ideographs.
SPACELESS = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)


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


def parts_words(tokenizer: "Tokenizer") -> bool:
    """Whether punctuation and ideographs are words of their own to a tokenizer, as they are to BERT's."""
    return len(set(tokenizer.encode("a,b\u6771\u4eac", add_special_tokens=False).word_ids)) == 5


def joined(places: Places) -> Places:
    """Places in which words that share a character are one: a tokenizer may read one character as several words, as
    NFKC makes four of the ligature U+FDFA."""
    shared = (places.starts[1:] < places.ends[:-1]) & (places.words[1:] != places.words[:-1])
    inner = places.bounds[(places.bounds > 0) & (places.bounds < len(places.words))]
    shared[inner - 1] = False  # the next text begins there
    if not shared.any():
        return places
    return Places(places.words - cumulated(shared), places.starts, places.ends, places.bounds)


def trimmed(texts: list[str], places: Places) -> Places:
    """Places without the spaces that SentencePiece and byte-level tokens begin with, and with words as BERT has them.

    A word ends where letters and digits do, or where the tokenizer ends it. Tokens that share a character, a byte or a
    half each, are of one word, and so is a token of nothing but the space before.
    """
    words, starts, ends = places.words.copy(), places.starts.copy(), places.ends.copy()
    for text, low, high in zip(texts, places.bounds.tolist(), places.bounds[1:].tolist(), strict=False):
        word, reach = -1, 0
        for token in range(low, high):
            start, end = trim(text, int(starts[token]), int(ends[token]))
            if token == low or not goes_on(text, places, token, start, end, reach):
                word += 1
            words[token], starts[token], ends[token], reach = word, start, end, max(reach, end)
    return Places(words, starts, ends, places.bounds)


def trim(text: str, start: int, end: int) -> tuple[int, int]:
    """A range of characters without white space at its ends; one of nothing but that moves to where a word begins."""
    while start < end and text[start].isspace():
        start += 1
    while start == end < len(text) and text[start].isspace():
        start, end = start + 1, end + 1
    while start < end and text[end - 1].isspace():
        end -= 1
    return start, end


def goes_on(text: str, places: Places, token: int, start: int, end: int, reach: int) -> bool:
    """Whether a token is of the same word as the one before, which with all before it reaches up to `reach`."""
    if start < reach:
        return True
    if places.words[token] != places.words[token - 1]:
        return False
    if not text[places.starts[token - 1] : places.ends[token - 1]].strip():
        return True
    return start == reach and (start == end or (joins(text[start - 1]) and joins(text[start])))


def joins(character: str) -> bool:
    """Whether a character makes one word with another such beside it."""
    letter = character.isalnum() or unicodedata.category(character)[0] == "M"
    return letter and not SPACELESS.match(character)


def cumulated(lengths: Ints) -> Ints:
    """Where each of several runs of these lengths begins, and the end of the last."""
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
