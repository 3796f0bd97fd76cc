"""The case of letters, for encoders whose vocabulary has none: "Rose" and "rose" are the same token to them.

The case of a word goes with each of its tokens, as BERT's token type (Devlin et al., "BERT", 2019). Type 0 is what all
tokens have where nobody looks at case, type 1 is BERT's second sentence, and the others are ours. A token's id and its
type are one number, so that all that moves ids about moves both: type * FACTOR + id.
"""

import unicodedata
from functools import cache
from typing import TypeVar

import numpy as np

LOWER, FIRST, ALL, MIXED = 0, 2, 3, 4  # no capital; "Rose", "I"; "ROSE"; "McRose", "eROSE"
TYPES = 5  # rows of the encoder's table of token types
FACTOR = 1 << 18  # above every id; both fit 24 bits, in which OpenVINO divides
BREAK = "\n"  # no letter: what stands between two texts
PLANES = 0x20000  # no script beyond has case

Ids = TypeVar("Ids")  # integers: an array of numpy's or a tensor of torch's


def parted(numbers: Ids) -> tuple[Ids, Ids]:
    """The ids and the types of numbers that hold both."""
    return numbers % FACTOR, numbers // FACTOR  # type: ignore[operator, return-value]


def types_at(texts: list[str], owners: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """The type of the word at each of some places: code point `starts[i]` of text `owners[i]`; int32.

    A word is a run of letters and their marks; other characters have no case.
    """
    bounds = np.cumsum([0, *(len(text) + 1 for text in texts)])
    found = types_of(BREAK.join([*texts, ""]))
    return found[bounds[owners] + starts]


def types_of(text: str) -> np.ndarray:
    """The type of the word that each code point belongs to, int32; the text holds no lone surrogates."""
    codes = np.minimum(np.frombuffer(text.encode("utf-32-le"), np.uint32), PLANES - 1)
    letters, capitals, cased = (table[codes] for table in tables())
    firsts = np.flatnonzero(np.concatenate([[True], letters[1:] != letters[:-1]]))[: len(codes)]
    if not len(firsts):
        return np.zeros(0, np.int32)
    raised, both = (np.add.reduceat(array.astype(np.int32), firsts) for array in (capitals, cased))
    single = (raised == 1) & capitals[firsts]
    found = np.select([raised == 0, single, raised == both], [LOWER, FIRST, ALL], MIXED).astype(np.int32)
    return np.repeat(found, np.diff([*firsts, len(codes)]))


@cache
def tables() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which code points are letters or marks on them, which are capitals, and which have case at all."""
    categories = np.array([unicodedata.category(chr(code)) for code in range(PLANES)])
    capitals = np.isin(categories, ["Lu", "Lt"])
    marks = np.isin(categories, ["Mn", "Mc", "Me"])
    return np.char.startswith(categories, "L") | marks, capitals, capitals | (categories == "Ll")
