"""A label's reviewed rows in cells: the rows of a stratum that were given the label, and those that were not.

How many rows a cell has is known from the run; how they divide is known of the reviewed ones. Cells with too few of
them are taken together with the nearest one on their side of the threshold.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from moderation.audit.design import Design, Stratum
from moderation.audit.intervals import FEWEST, Array, Cells
from moderation.audit.strata_names import depth

if TYPE_CHECKING:
    import pandas as pd

NEGLIGIBLE = 0.01  # of the rows on one side: strata without verdicts that hold less are taken together with others
SMALLEST = 5.0  # reviewed rows of a cell: one with fewer is taken together with its neighbour


@dataclass(frozen=True)
class Judged:
    """A label's sampled rows as arrays [n]: their stratum's number, whether they were given the label, the verdict (1,
    0, or NaN where there is none that counts), how many drawn rows each stands for, and its design weight."""

    stratum: Array
    given: Array
    verdict: Array
    count: Array
    weight: Array

    @property
    def settled(self) -> Array:
        """Which rows have a yes or a no."""
        return ~np.isnan(self.verdict)


@dataclass(frozen=True)
class Unknown:
    """What is missing: strata without verdicts with their rows, on the side that was given the label and on the other,
    and the share of that side's rows."""

    names: tuple[str, ...]
    rows: int
    share: float


@dataclass(frozen=True)
class Reviewed:
    """Cells with the place of each sampled row's cell [n], and what could not be told."""

    cells: Cells
    cell: Array
    unknown: dict[bool, Unknown]
    merged: int


def judged(design: Design, rows: "pd.DataFrame", verdicts: "pd.DataFrame", label: str) -> Judged:
    """The sampled rows with what was settled of one label; `verdicts` has columns row_id, date, label, verdict."""
    said = verdicts[verdicts["label"] == label].drop_duplicates(["row_id", "date"], keep="last")
    words = dict(zip(zip(said["row_id"], said["date"].astype(str), strict=True), said["verdict"], strict=True))
    keys = zip(rows["id"], rows["date"].astype(str), strict=True)
    numbers = {stratum.name: number for number, stratum in enumerate(design.strata)}
    return Judged(
        rows["stratum"].map(numbers).to_numpy(np.int64),
        np.array([label in given for given in rows["labels"]], dtype=bool),
        np.array([{"yes": 1.0, "no": 0.0}.get(words.get(key, ""), np.nan) for key in keys]),
        rows["duplicates"].to_numpy(np.float64),
        1 / rows["probability"].to_numpy(np.float64),
    )


def reviewed(strata: list[Stratum], label: str, found: Judged, categories: Array, kinds: int) -> Reviewed:
    """Cells of the strata, with the reviewed rows' shares in `kinds` categories; `categories` [n] numbers each row's.

    Only settled rows count. `cell` is -1 for rows of other strata than these (a stratum with no rows here is none).
    """
    sides = [joined(strata, label, found, side) for side in (True, False)]
    offset = sides[0].groups
    place = np.where(found.given, sides[0].of[found.stratum], sides[1].of[found.stratum] + offset)
    settled = found.settled
    total = offset + sides[1].groups
    counts, effective = np.zeros((total, kinds)), np.zeros(total)
    weight = found.weight * found.count
    np.add.at(counts, (place[settled], categories[settled]), weight[settled])
    squares = np.bincount(place[settled], (found.weight**2 * found.count)[settled], minlength=total)
    mass = counts.sum(axis=1)
    np.divide(mass**2, squares, out=effective, where=squares > 0)  # Kish's effective size; n where weights are equal
    shares = np.divide(counts, mass[:, None], out=np.zeros_like(counts), where=mass[:, None] > 0)
    rows = np.concatenate([side.rows for side in sides])
    given = np.repeat([True, False], [offset, sides[1].groups])
    kept = rows > 0
    number = np.where(kept, np.cumsum(kept) - 1, -1)
    cells = Cells(rows[kept], np.minimum(effective, rows)[kept], given[kept], shares[kept])
    unknown = {True: sides[0].unknown, False: sides[1].unknown}
    return Reviewed(cells, number[place], unknown, sum(side.merged for side in sides))


@dataclass(frozen=True)
class Side:
    """The cells on one side of the threshold: the group of each stratum [H], the groups' rows, what is unknown."""

    of: Array
    groups: int
    rows: Array
    unknown: Unknown
    merged: int


def joined(strata: list[Stratum], label: str, found: Judged, side: bool) -> Side:
    """Groups the strata of one side so that each group has `SMALLEST` reviewed rows, neighbours by depth first."""
    given = np.array([one.given.get(label, 0) for one in strata])
    rows = given if side else np.array([one.rows for one in strata]) - given
    use = found.settled & (found.given == side)
    enough = np.bincount(found.stratum[use], found.count[use], minlength=len(strata))
    reviewed_at_all = np.bincount(found.stratum[found.settled], minlength=len(strata)) > 0
    bare = (rows > 0) & ~reviewed_at_all
    names = tuple(strata[number].name for number in np.flatnonzero(bare))
    unknown = Unknown(names, int(rows[bare].sum()), float(rows[bare].sum() / max(rows.sum(), 1)))
    order = [n for n in sorted(range(len(strata)), key=lambda n: depth(strata[n])) if rows[n] > 0]
    of, groups = np.zeros(len(strata), np.int64), 0
    filled = 0.0
    for n in order:
        if filled >= SMALLEST and enough[n] >= SMALLEST:
            groups, filled = groups + 1, 0.0
        of[n], filled = groups, filled + enough[n]
    if filled < FEWEST and groups:  # the last ones have nobody after them
        of[of == groups] = groups - 1
        groups -= 1
    total = np.bincount(of[order], rows[order], minlength=groups + 1) if order else np.zeros(1)
    return Side(of, groups + 1, total, unknown, len(order) - len(set(of[order].tolist())))
