"""Long texts made of short ones: a text among polite ones is what it was, however little of the whole it is."""

import numpy as np

from moderation.training.data import Example


def joined(texts: list[Example], share: float, limit: int, random: np.random.Generator) -> list[Example]:
    """So many texts more as a share of all, each one of them with polite ones before and behind it.

    A text keeps its targets and its weight, as those around it were judged 0 for all that it was judged for. It has at
    most half of `limit` tokens, the whole between half of that and all. A text that nothing polite fits is left out.
    """
    short = [index for index, text in enumerate(texts) if 0 < len(text.ids) <= limit // 2]
    chosen = random.permutation(short)[: round(share * len(texts))]
    targets = np.stack([text.labels for text in texts if text.labels is not None]) if short else np.zeros((0, 0))
    polite: dict[bytes, list[Example]] = {}  # by what was judged: few ways, many texts
    found = []
    for index in chosen:
        judged = ~np.isnan(targets[index])
        if judged.tobytes() not in polite:
            clean = np.flatnonzero((targets[:, judged] == 0).all(axis=1))
            polite[judged.tobytes()] = [texts[other] for other in clean if len(texts[other].ids)]
        around = polite[judged.tobytes()]
        room = int(random.integers(limit // 2, limit + 1)) - len(texts[index].ids)
        if around and room > 0:
            found.append(among(texts[index], around, room, random))
    return found


def among(text: Example, polite: list[Example], room: int, random: np.random.Generator) -> Example:
    """A text somewhere among so many tokens of polite ones, the last of which is cut."""
    others: list[np.ndarray] = []
    while room > 0:
        others.append(polite[int(random.integers(len(polite)))].ids[:room])
        room -= len(others[-1])
    place = int(random.integers(len(others) + 1))
    ids = np.concatenate([*others[:place], text.ids, *others[place:]])
    return Example(ids, labels=text.labels, weight=text.weight)
