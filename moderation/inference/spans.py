"""Tags of tokens to entity spans of characters."""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from moderation.inference.tokenise import Tokens

ZERO_WIDTH_JOINER = "\u200d"


@dataclass(frozen=True)
class Spans:
    """Entities of many texts, column by column, in text order: `texts[i]` is the index of span i's text.

    `starts` and `ends` count code points of the text, end exclusive; `types` index the model's entity types.
    """

    texts: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    types: np.ndarray
    scores: np.ndarray

    def rows(self) -> Iterator[tuple[int, int, int, int, float]]:
        """Text, start, end, type and score of each span, as Python values."""
        columns = (self.texts, self.starts, self.ends, self.types, self.scores)
        return zip(*(column.tolist() for column in columns), strict=True)


def decode(texts: list[str], tokens: Tokens, tags: np.ndarray, confidence: np.ndarray) -> Spans:
    """Reads BIO tags (0 is O, then B and I of each type in turn) into spans of whole words.

    A word takes the tag of its first token. An I that continues nothing begins a span, as CoNLL's scorer reads it.
    A span's score is the mean confidence over its words.
    """
    first, last, owner = word_bounds(tokens)
    tag = tags[first]
    kind = (tag - 1) // 2  # B-x and I-x of type x; O gives -1
    begins_type = tag % 2 == 1
    follows = (
        np.concatenate([[False], (kind[1:] == kind[:-1]) & (owner[1:] == owner[:-1])])
        if len(tag)
        else np.zeros(0, bool)
    )
    begins = np.flatnonzero((tag > 0) & (begins_type | ~follows))
    inside = tag > 0
    number = np.cumsum(np.isin(np.arange(len(tag)), begins))[inside] - 1  # the span that each inside word belongs to
    words = np.bincount(number, minlength=len(begins))
    scores = np.bincount(number, confidence[first][inside], minlength=len(begins)) / np.maximum(words, 1)
    final = begins + words - 1
    starts, ends, owners = tokens.starts[first[begins]], tokens.ends[last[final]], owner[begins]
    limits = next_starts(tokens, last[final], owners)
    rows = zip(owners, ends, limits, strict=True)
    ends = np.array([whole_end(texts[text], end, limit) for text, end, limit in rows], np.int64)
    return Spans(owners, starts, ends, kind[begins], scores.astype(np.float32))


def word_bounds(tokens: Tokens) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each word of each text: its first token, its last token, and its text."""
    owner = np.repeat(np.arange(len(tokens.lengths)), tokens.lengths)
    changes = (tokens.words[1:] != tokens.words[:-1]) | (owner[1:] != owner[:-1])
    first = np.concatenate([[0], np.flatnonzero(changes) + 1]) if len(owner) else np.zeros(0, np.int64)
    last = np.concatenate([first[1:], [len(owner)]]) - 1 if len(owner) else first
    return first, last, owner[first]


def next_starts(tokens: Tokens, last: np.ndarray, owners: np.ndarray) -> list[int | None]:
    """Where the token behind each span's last one begins; None where the text has no more."""
    more = last + 1 < tokens.bounds[owners + 1]
    return [int(tokens.starts[index + 1]) if found else None for index, found in zip(last, more, strict=True)]


def whole_end(text: str, end: int, limit: int | None) -> int:
    """Moves a span's end past the marks that belong to its last character and that the tokeniser has dropped."""
    stop = len(text) if limit is None else limit
    while end < stop and (unicodedata.category(text[end]) in ("Mn", "Me", "Mc") or text[end] == ZERO_WIDTH_JOINER):
        end += 1
    return end
