"""Near-duplicates among drawn rows: one is shown, and stands for the others that were drawn with it."""

import re
import zlib
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from datasketch import MinHash

SIMILARITY = 0.8  # Jaccard index of two texts' shingles from which they are one text to a reviewer
SHINGLE = 5  # letters
PERMUTATIONS = 64
LONGEST = 20_000  # letters that are looked at: what two long texts begin with tells enough
BATCH = 500


def representatives(texts: Sequence[str], groups: Sequence[Hashable], similarity: float = SIMILARITY) -> np.ndarray:
    """For each text the place of the one that stands for it: itself, or an earlier one of its group like it.

    Texts that differ in case, digits and white space only are alike; others by MinHash (datasketch; Broder, "On the
    resemblance and containment of documents", 1997). Only first ones are compared with, so likeness is no chain.
    """
    from datasketch import MinHashLSH

    plain = [simplified(text) for text in texts]
    standing: dict[tuple[Hashable, str], int] = {}
    index = MinHashLSH(threshold=min(similarity, 0.95), num_perm=PERMUTATIONS)
    found = np.arange(len(texts))
    sketches = sketches_of(plain)
    for place, (text, group) in enumerate(zip(plain, groups, strict=True)):
        if (group, text) in standing:
            found[place] = standing[group, text]
            continue
        likely = [other for other in index.query(sketches[text]) if groups[other] == group]
        near = [(sketches[text].jaccard(sketches[plain[other]]), -other) for other in likely]
        likeness, other = max(near, default=(0.0, 0))
        if likeness >= similarity:
            found[place] = -other
        else:
            index.insert(place, sketches[text])
        standing[group, text] = found[place]
    return found


def simplified(text: str) -> str:
    """A text without what makes no difference to a reviewer."""
    return re.sub(r"\s+", " ", re.sub(r"\d", "0", text[:LONGEST].casefold())).strip()


def sketches_of(texts: list[str]) -> dict[str, "MinHash"]:
    """The MinHash of each text's shingles."""
    from datasketch import MinHash

    different = list(dict.fromkeys(texts))
    found: dict[str, MinHash] = {}
    for start in range(0, len(different), BATCH):
        some = different[start : start + BATCH]
        cut = [shingles(text) for text in some]
        found |= zip(some, MinHash.bulk(cut, num_perm=PERMUTATIONS, seed=1, hashfunc=zlib.crc32), strict=True)
    return found


def shingles(text: str) -> list[bytes]:
    """The different runs of `SHINGLE` letters of a text; a shorter text is its only one."""
    return list({text[n : n + SHINGLE].encode("utf-8", "replace") for n in range(max(len(text) - SHINGLE + 1, 1))})
