"""Tags of tokens to entity spans of characters."""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

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


class TagTable(NamedTuple):
    """What each tag means: its entity type's number, -1 for outside, and whether a span must begin or end with it.

    One row more than there are tags: number -1, which tokens have that nobody answered for, is outside.
    """

    kinds: np.ndarray
    begins: np.ndarray
    ends: np.ndarray

    @classmethod
    def of(cls, tags: Sequence[str], entity_types: Sequence[str]) -> Self:
        """The table of a model's tags; those of other types than `entity_types` are outside."""
        numbers = {name: number for number, name in enumerate(entity_types)}
        rows = [("", "") if tag == "O" else (tag[0], tag[2:]) for tag in tags] + [("", "")]
        return cls(
            np.array([numbers.get(kind, -1) if part else -1 for part, kind in rows]),
            np.array([part in ("B", "S", "U") for part, _ in rows]),
            np.array([part in ("E", "L", "S", "U") for part, _ in rows]),
        )


def decode(texts: list[str], places: Places, tags: np.ndarray, confidence: np.ndarray, table: TagTable) -> Spans:
    """Reads tags, which are numbers in `table`, into spans of whole words.

    A word takes the tag of its first token. What continues nothing begins a span, as CoNLL's scorer reads it, and what
    follows an end does. A span's score is the mean confidence over its words.
    """
    first, last, owner = word_bounds(places)
    tag = tags[first]
    kind = table.kinds[tag]
    inside = kind >= 0
    follows = np.zeros(len(tag), bool)
    follows[1:] = (kind[1:] == kind[:-1]) & (owner[1:] == owner[:-1]) & ~table.ends[tag[:-1]]
    begins = inside & (table.begins[tag] | ~follows)
    number = np.cumsum(begins)[inside] - 1  # the span that each inside word belongs to
    heads = np.flatnonzero(begins)
    words = np.bincount(number, minlength=len(heads))
    scores = np.bincount(number, confidence[first][inside], minlength=len(heads)) / np.maximum(words, 1)
    final = last[heads + words - 1]
    starts, ends, owners = places.starts[first[heads]], places.ends[final], owner[heads]
    limits = next_starts(places, final, owners)
    rows = zip(owners, ends, limits, strict=True)
    ends = np.array([whole_end(texts[text], end, limit) for text, end, limit in rows], np.int64)
    return Spans(owners, starts, ends, kind[heads], scores.astype(np.float32))


def word_bounds(places: Places) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each word of each text: its first token, its last token, and its text; words of nothing are left out."""
    owner = np.repeat(np.arange(len(places.lengths)), places.lengths)
    changes = (places.words[1:] != places.words[:-1]) | (owner[1:] != owner[:-1])
    first = np.concatenate([[0], np.flatnonzero(changes) + 1]) if len(owner) else np.zeros(0, np.int64)
    last = np.concatenate([first[1:], [len(owner)]]) - 1 if len(owner) else first
    solid = places.ends[last] > places.starts[first]
    return first[solid], last[solid], owner[first[solid]]


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
