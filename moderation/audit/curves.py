"""What other thresholds, or another run, would have had: the same verdicts, read another way."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from moderation.audit.design import Design
from moderation.audit.estimate import LEAST_POSITIVES, LEAST_ROWS
from moderation.audit.estimates import MEASURES, NOT_ENOUGH, Estimate
from moderation.audit.intervals import SEED, Array, Cells, bounds, posterior
from moderation.audit.reviewed import NEGLIGIBLE, Judged, judged, reviewed

if TYPE_CHECKING:
    import pandas as pd

POINTS = 19
HIT, ALARM, MISS, REST = 0, 1, 2, 3  # given (by the other decision) and so, given and not so, not given and so, neither


@dataclass(frozen=True)
class Point:
    """Precision and recall of a label, had its threshold been this; the interval is None where too little is known."""

    label: str
    threshold: float
    flagged: float
    precision: tuple[float, float, float] | None
    recall: tuple[float, float, float] | None

    def as_dict(self) -> dict[str, Any]:
        """The fields, for JSON."""
        return asdict(self)


def curve(design: Design, rows: "pd.DataFrame", verdicts: "pd.DataFrame", label: str) -> list[Point]:
    """Precision and recall at `POINTS` thresholds and the run's own; empty where the verdicts tell too little."""
    said = judged(design, rows, verdicts, label)
    scores = np.array([some[label] for some in rows["scores"]], np.float64)
    thresholds = sorted({*np.round(np.linspace(0, 1, POINTS + 2)[1:-1], 3).tolist(), design.thresholds[label]})
    found = [point(design, said, label, float(limit), scores >= limit) for limit in thresholds]
    return [one for one in found if one is not None]


def point(design: Design, said: Judged, label: str, limit: float, above: Array) -> Point | None:
    """One point of the curve; None where nothing can be told of the whole."""
    found = decided(design, said, label, above)
    if found is None:
        return None
    cells, drawn = found
    values = five(cells, cells.shares)
    low, high = bounds(values, five(cells, drawn))
    both = said.settled & above
    enough = int(said.count[both].sum()) >= LEAST_ROWS
    positives = int(said.count[said.settled & (said.verdict == 1)].sum()) >= LEAST_POSITIVES
    whole = [(float(values[n]), float(low[n]), float(high[n])) if np.isfinite(values[n]) else None for n in range(2)]
    return Point(label, limit, float(values[4]), whole[0] if enough else None, whole[1] if positives else None)


def decided(design: Design, said: Judged, label: str, other: Array) -> tuple[Cells, Array] | None:
    """The cells divided by another decision and the verdict (`HIT` to `REST`), with draws of their shares.

    None where strata that matter have no verdicts.
    """
    categories = np.where(other, np.where(said.verdict == 1, HIT, ALARM), np.where(said.verdict == 1, MISS, REST))
    found = reviewed(design.strata, label, said, categories, 4)
    cells = found.cells
    if any(one.share > NEGLIGIBLE for one in found.unknown.values()) or (cells.reviewed < 1).any():
        return None
    above, below = (cells.shares[:, pair].sum(axis=1) > 0 for pair in ([HIT, ALARM], [MISS, REST]))
    possible = np.stack([above, above, below, below], axis=1)  # elsewhere nothing says that there are such rows
    return cells, posterior(cells, np.random.default_rng(SEED), possible=possible)


def five(cells: Cells, shares: Array) -> Array:
    """The four rates and the flagged share [..., 5] of rows that divide so [..., C, 4]."""
    hit, alarm, miss, rest = np.moveaxis((cells.rows[:, None] * shares).sum(axis=-2), -1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        rates = (hit / (hit + alarm), hit / (hit + miss), alarm / (alarm + rest))
        return np.stack([*rates, (hit + miss) / cells.rows.sum(), (hit + alarm) / cells.rows.sum()], axis=-1)


def compared(
    design: Design, rows: "pd.DataFrame", verdicts: "pd.DataFrame", label: str, other: Array, name: str
) -> list[Estimate]:
    """How much higher each rate is with another decision (`other` [n], of each sampled row), paired: the same rows,
    the same verdicts, so that what both decided alike does not count as doubt."""
    said = judged(design, rows, verdicts, label)
    found = differences(design, said, label, other)
    n = int(said.count[said.settled].sum())
    if found is None or n < LEAST_ROWS:
        return [Estimate(label, name, measure, None, None, None, n, NOT_ENOUGH) for measure in MEASURES[:3]]
    values, low, high = found
    note = f"{int(said.count[said.settled & (said.given != other)].sum())} reviewed rows were decided differently"
    return [
        Estimate(label, name, measure, float(values[k]), float(low[k]), float(high[k]), n, note)
        if np.isfinite(values[k])
        else Estimate(label, name, measure, None, None, None, n, f"{NOT_ENOUGH}: nothing to divide by")
        for k, measure in enumerate(MEASURES[:3])
    ]


def differences(design: Design, said: Judged, label: str, other: Array) -> tuple[Array, Array, Array] | None:
    """Differences of precision, recall and false-positive rate [3] with the bounds of their intervals."""
    found = decided(design, said, label, other)
    if found is None:
        return None
    cells, drawn = found
    change = [five(cells, x)[..., :3] - five(cells, as_given(cells, x))[..., :3] for x in (cells.shares, drawn)]
    return change[0], *bounds(change[0], change[1])


def as_given(cells: Cells, shares: Array) -> Array:
    """The same rows divided by the run's own decision."""
    yes, no = shares[..., HIT] + shares[..., MISS], shares[..., ALARM] + shares[..., REST]
    given = cells.given
    return np.stack([yes * given, no * given, yes * ~given, no * ~given], axis=-1)
