"""Tags of tokens to entity spans of characters."""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from moderation.inference.tokenise import Places

NAMES = ("texts", "starts", "ends", "types", "scores")
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

    @classmethod
    def none(cls) -> Self:
        """No spans."""
        return cls.join([])

    @classmethod
    def join(cls, pieces: Sequence[Self]) -> Self:
        """All spans of several pieces, in the order of their texts; those of one text keep theirs."""
        kinds = (np.int64, np.int64, np.int64, np.int64, np.float32)
        columns = [
            np.concatenate([np.zeros(0, kind), *(getattr(piece, name) for piece in pieces)]).astype(kind)
            for name, kind in zip(NAMES, kinds, strict=True)
        ]
        order = np.argsort(columns[0], kind="stable")
        return cls(*(column[order] for column in columns))

    def of(self, sources: np.ndarray, targets: np.ndarray) -> "Spans":
        """The spans of the texts `sources`, given to the texts `targets`; this must be in the order of texts."""
        low, high = (np.searchsorted(self.texts, sources, side=side) for side in ("left", "right"))
        counts = high - low
        chosen = np.repeat(high - np.cumsum(counts), counts) + np.arange(counts.sum())
        found = [getattr(self, name)[chosen] for name in NAMES[1:]]
        return Spans(np.repeat(targets, counts), *found)

    def rows(self) -> Iterator[tuple[int, int, int, int, float]]:
        """Text, start, end, type and score of each span, as Python values."""
        return zip(*(getattr(self, name).tolist() for name in NAMES), strict=True)


def decode(texts: list[str], places: Places, tags: np.ndarray, confidence: np.ndarray) -> Spans:
    """Reads BIO tags (0 is O, then B and I of each type in turn) into spans of whole words.

    A word takes the tag of its first token. An I that continues nothing begins a span, as CoNLL's scorer reads it.
    A span's score is the mean confidence over its words.
    """
    first, last, owner = word_bounds(places)
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
    starts, ends, owners = places.starts[first[begins]], places.ends[last[final]], owner[begins]
    limits = next_starts(places, last[final], owners)
    rows = zip(owners, ends, limits, strict=True)
    ends = np.array([whole_end(texts[text], end, limit) for text, end, limit in rows], np.int64)
    return Spans(owners, starts, ends, kind[begins], scores.astype(np.float32))


def word_bounds(places: Places) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each word of each text: its first token, its last token, and its text."""
    owner = np.repeat(np.arange(len(places.lengths)), places.lengths)
    changes = (places.words[1:] != places.words[:-1]) | (owner[1:] != owner[:-1])
    first = np.concatenate([[0], np.flatnonzero(changes) + 1]) if len(owner) else np.zeros(0, np.int64)
    last = np.concatenate([first[1:], [len(owner)]]) - 1 if len(owner) else first
    return first, last, owner[first]


def next_starts(places: Places, last: np.ndarray, owners: np.ndarray) -> list[int | None]:
    """Where the token behind each span's last one begins; None where the text has no more."""
    more = last + 1 < places.bounds[owners + 1]
    return [int(places.starts[index + 1]) if found else None for index, found in zip(last, more, strict=True)]


def whole_end(text: str, end: int, limit: int | None) -> int:
    """Moves a span's end past the marks that belong to its last character and that the tokeniser has dropped."""
    stop = len(text) if limit is None else limit
    while end < stop and (unicodedata.category(text[end]) in ("Mn", "Me", "Mc") or text[end] == ZERO_WIDTH_JOINER):
        end += 1
    return end
