"""Precision, recall, false-positive rate and prevalence of a run, estimated from the verdicts on a sample."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from moderation.audit.design import Design, SampleFolder, Stratum
from moderation.audit.estimates import MEASURES, NOT_ENOUGH, Estimate, Measure
from moderation.audit.intervals import FEWEST, SEED, Array, Cells, bounds, posterior, rates
from moderation.audit.reviewed import NEGLIGIBLE, Judged, Reviewed, judged, reviewed
from moderation.audit.strata_names import ENTITIES, NULL
from moderation.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

LEAST_ROWS = 10  # reviewed rows that a share must rest on: given the label, truly so or not
LEAST_POSITIVES = 5  # rows found truly so, below which nothing is said of recall
RESTS_ON = {"precision": (True,), "recall": (True, False), "false_positive_rate": (True, False)}
YES, NO, OUTSIDE = 0, 1, 2


@dataclass(frozen=True)
class Figures:
    """The rates of one label and slice [4] with draws of them [draws, 4], and what kept them from being told."""

    values: Array
    drawn: Array
    cells: Reviewed
    rows: Judged
    inside: Array

    def count(self, given: bool | None = None, verdict: float | None = None) -> int:
        """Reviewed rows of the slice that were given the label, or have this verdict."""
        kept = self.rows.settled & self.inside
        kept &= True if given is None else self.rows.given == given
        kept &= True if verdict is None else self.rows.verdict == verdict
        return int(self.rows.count[kept].sum())


def estimate(folder: SampleFolder, verdicts: "pd.DataFrame", by: tuple[str, ...] = ()) -> list[Estimate]:
    """The estimates of every label that somebody judged, or that the sample is for, of the run and of each slice.

    `verdicts` has a settled word for each row and label: columns row_id, date, label, verdict (yes, no, unsure). `by`
    are the columns of slices; the sample's own if none. Raises `UsageError` for verdicts on other rows or labels.
    """
    from moderation.audit.sample import read_sample

    design = folder.read_design()
    return estimates_of(design, read_sample(folder), verdicts, by or tuple(design.slices))


def estimates_of(
    design: Design, rows: "pd.DataFrame", verdicts: "pd.DataFrame", columns: tuple[str, ...]
) -> list[Estimate]:
    """As `estimate`, from the sample's rows; of no slices where `columns` is empty."""
    check_verdicts(design, rows, verdicts)
    slices = {column: slice_values(rows, column, design) for column in columns}
    found: list[Estimate] = []
    for label in labels_of(design, verdicts):
        said = judged(design, rows, verdicts, label)
        found += label_estimates(design, label, said, None, np.ones(len(rows), bool))
        for column, values in slices.items():
            for value in sorted(set(values)):
                found += label_estimates(design, label, said, (column, value), values == value)
    return found


def labels_of(design: Design, verdicts: "pd.DataFrame") -> list[str]:
    """The labels that there is something to say of, in the run's order."""
    wanted = {*design.labels, *verdicts["label"]}
    return [label for label in design.thresholds if label in wanted]


def check_verdicts(design: Design, rows: "pd.DataFrame", verdicts: "pd.DataFrame") -> None:
    """Refuses verdicts on rows that were not sampled and on labels that the run does not have."""
    sampled = set(zip(rows["id"], rows["date"].astype(str), strict=True))
    for id, date, label in zip(verdicts["row_id"], verdicts["date"].astype(str), verdicts["label"], strict=True):
        if (id, date) not in sampled:
            raise UsageError(f"verdict on row {id} of {date}: sample {design.sample_id} never drew it")
        if label not in design.thresholds:
            known = ", ".join(design.thresholds)
            raise UsageError(f"verdict on row {id}: no label '{label}' in the run; it has {known}")


def slice_values(rows: "pd.DataFrame", column: str, design: Design) -> Array:
    """The value of a slice of each sampled row: that of its stratum where the sample was drawn by it, else its own as
    text; of `entities` the row's types."""
    if column in design.slices:
        of = {one.name: one.slices[column] for one in design.strata}
        return rows["stratum"].map(of).to_numpy(object)
    if column not in rows:
        raise UsageError(f"slice '{column}': no such column in the sample, which has {', '.join(rows.columns)}")
    if column == ENTITIES:
        types = [sorted({entity["type"] for entity in some}) if some is not None else [] for some in rows[column]]
        return np.array(["+".join(some) or "none" for some in types], dtype=object)
    return rows[column].astype("object").where(rows[column].notna(), NULL).astype(str).to_numpy(object)


def label_estimates(
    design: Design, label: str, said: Judged, part: tuple[str, str] | None, inside: Array
) -> list[Estimate]:
    """The four estimates of one label, of the run or of the sampled rows `inside` a slice."""
    figures = figures_of(design, label, said, part, inside)
    low, high = bounds(figures.values, figures.drawn)
    return [
        told(label, part, measure, figures, (figures.values[n], low[n], high[n])) for n, measure in enumerate(MEASURES)
    ]


def figures_of(design: Design, label: str, said: Judged, part: tuple[str, str] | None, inside: Array) -> Figures:
    """The rates with their draws."""
    said, inside, strata = within(design, said, part, inside)
    categories = np.where(inside, np.where(said.verdict == 1, YES, NO), OUTSIDE)
    found = reviewed(strata, label, said, categories, 2 if inside.all() else 3)
    cells = found.cells
    possible = np.ones(cells.shares.shape, bool)
    if not inside.all():  # only where rows of the slice were seen can there be hidden ones that are truly so
        seen = cells.shares[:, YES] + cells.shares[:, NO] > 0
        possible[:, YES] = possible[:, NO] = seen
    drawn = posterior(cells, np.random.default_rng(SEED), possible=possible)
    return Figures(of_shares(cells, cells.shares), of_shares(cells, drawn), found, said, inside)


def within(
    design: Design, said: Judged, part: tuple[str, str] | None, inside: Array
) -> tuple[Judged, Array, list[Stratum]]:
    """What a slice is told from: its own strata where the sample was drawn by it, else all of them."""
    column, value = part or (None, None)
    if column not in design.slices or not any(one.slices[column] == value for one in design.strata):
        return said, inside, design.strata
    own = [number for number, one in enumerate(design.strata) if one.slices[column] == value]
    number_of = np.full(len(design.strata), -1)
    number_of[own] = np.arange(len(own))
    kept = number_of[said.stratum] >= 0
    fields = (said.given, said.verdict, said.count, said.weight)
    fewer = Judged(number_of[said.stratum][kept], *(field[kept] for field in fields))
    return fewer, inside[kept], [design.strata[number] for number in own]


def of_shares(cells: Cells, shares: Array) -> Array:
    """The rates of the cells whose rows divide so [..., C, K]."""
    return rates(cells.rows, cells.given, shares[..., YES], shares[..., YES] + shares[..., NO])


def told(
    label: str, part: tuple[str, str] | None, measure: Measure, figures: Figures, found: tuple[float, float, float]
) -> Estimate:
    """An estimate, or why there is none."""
    n = rests_on(measure, figures)
    name = None if part is None else f"{part[0]}={part[1]}"
    if lacks := missing(measure, figures, n) or ("" if np.isfinite(found).all() else "nothing to divide by"):
        return Estimate(label, name, measure, None, None, None, n, f"{NOT_ENOUGH}: {lacks}")
    value, low, high = (float(min(max(number, 0.0), 1.0)) for number in found)
    return Estimate(label, name, measure, value, low, high, n, "; ".join(remarks(figures)))


def rests_on(measure: Measure, figures: Figures) -> int:
    """How many reviewed rows the denominator of a measure has."""
    if measure == "precision":
        return figures.count(given=True)
    if measure == "prevalence":
        return figures.count()
    return figures.count(verdict=1.0 if measure == "recall" else 0.0)


def missing(measure: Measure, figures: Figures, n: int) -> str:
    """What a measure lacks to be told; empty where it lacks nothing."""
    for side in RESTS_ON.get(measure, (True, False)):
        unknown = figures.cells.unknown[side]
        if unknown.share > NEGLIGIBLE:
            more = f" and {len(unknown.names) - 1} more" if len(unknown.names) > 1 else ""
            return f"none in stratum '{unknown.names[0]}'{more} ({unknown.rows:,} rows)"
        cells = figures.cells.cells
        mine = cells.given == side
        if mine.any() and (cells.reviewed[mine] < FEWEST).any():
            return f"fewer than {FEWEST:.0f} on rows that were {'' if side else 'not '}given the label"
    least = LEAST_POSITIVES if measure == "recall" else LEAST_ROWS
    what = {"precision": "rows given the label", "recall": "rows that are truly so", "prevalence": "rows"}
    return f"{n} {what.get(measure, 'rows that are not so')}, and {least} are the least" if n < least else ""


def remarks(figures: Figures) -> Iterator[str]:
    """What was left out or assumed."""
    if open_ := int((~figures.rows.settled & figures.inside).sum()):
        yield f"{open_} sampled texts without a yes or no, taken to be like those of their strata that have one"
    bare = {name for unknown in figures.cells.unknown.values() for name in unknown.names}
    if bare:
        yield f"no verdicts in {', '.join(sorted(bare))}: taken to be like neighbouring strata"


def more_for(estimate: Estimate, margin: float, design: Design, reviewed_rows: int) -> int | None:
    """How many more rows to review for an interval of `margin` on either side, drawn in the same proportions.

    The width falls with the root of the rows, times the finite-population correction. None where nothing is known yet.
    """
    if estimate.low is None or estimate.high is None or not reviewed_rows:
        return None
    half, rows = (estimate.high - estimate.low) / 2, max(design.rows, 1)
    if half <= margin:
        return 0
    ratio = (margin / half) ** 2
    part = reviewed_rows / rows
    wanted = reviewed_rows / (ratio * (1 - part) + part)
    return max(int(np.ceil(wanted)) - reviewed_rows, 0)
