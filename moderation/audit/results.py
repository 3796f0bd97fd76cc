"""All that `moderation audit estimate` says of a sample."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from moderation.audit.curves import Point, compared, curve
from moderation.audit.design import Design, SampleFolder
from moderation.audit.estimate import estimate, labels_of, more_for
from moderation.audit.estimates import Estimate
from moderation.audit.published import find_run, labelled_files
from moderation.audit.sample import read_sample
from moderation.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class More:
    """How many more texts to review until a figure is as sure as was asked for."""

    label: str
    measure: str
    rows: int


@dataclass(frozen=True)
class Results:
    """Estimates, what more would take, curves, and the comparison with another run."""

    design: Design
    estimates: list[Estimate]
    margin: float
    more: list[More]
    curves: list[Point]
    against: str | None
    comparison: list[Estimate]

    def as_dict(self) -> dict[str, Any]:
        """All of it for JSON, the design by its id."""
        return {
            "sample_id": self.design.sample_id,
            "run_id": self.design.run_id,
            "rows": self.design.rows,
            "drawn": self.design.drawn,
            "estimates": [asdict(one) for one in self.estimates],
            "margin": self.margin,
            "more": [asdict(one) for one in self.more],
            "curves": [asdict(one) for one in self.curves],
            "against": self.against,
            "comparison": [asdict(one) for one in self.comparison],
        }


def results(
    folder: SampleFolder, output: Path, by: tuple[str, ...], margin: float, curves: bool, against: str | None
) -> Results:
    """Estimates a sample from the verdicts in its folder; raises `UsageError` for another run that cannot be read."""
    from moderation.audit.verdicts import settled

    if not 0 < margin < 0.5:
        raise UsageError(f"--margin {margin:g}: is half the width of an interval: above 0 and below 0.5")
    design, rows, verdicts = folder.read_design(), read_sample(folder), settled(folder)
    found = estimate(folder, verdicts, by)
    labels = labels_of(design, verdicts)
    drawn = [point for label in labels for point in curve(design, rows, verdicts, label)] if curves else []
    other = find_run(output, against)["run_id"] if against else None
    paired = comparison(design, rows, verdicts, labels, output, other) if other else []
    return Results(design, found, margin, more(found, margin, design), drawn, other, paired)


def more(found: list[Estimate], margin: float, design: Design) -> list[More]:
    """What precision and recall of the whole run still lack."""
    whole = [one for one in found if one.slice is None and one.measure in ("precision", "recall")]
    seen = {one.label: one.n for one in found if one.slice is None and one.measure == "prevalence"}
    wanted = [(one, more_for(one, margin, design, seen[one.label])) for one in whole]
    return [More(one.label, one.measure, rows) for one, rows in wanted if rows]


def comparison(
    design: Design, rows: "pd.DataFrame", verdicts: "pd.DataFrame", labels: list[str], output: Path, other: str
) -> list[Estimate]:
    """The other run's rates less this run's, on the sampled rows."""
    decided = labels_in(output, other, rows)
    keys = list(zip(rows["date"].astype(str), rows["id"], strict=True))
    if gone := sum(key not in decided for key in keys):
        raise UsageError(f"run {other}: lacks {gone} of the {len(keys)} sampled rows; it read something else")
    found: list[Estimate] = []
    for label in labels:
        given = np.array([label in decided[key] for key in keys], bool)
        found += compared(design, rows, verdicts, label, given, other)
    return found


def labels_in(output: Path, run_id: str, rows: "pd.DataFrame") -> dict[tuple[str, str], set[str]]:
    """The labels that another run gave to sampled rows, by date and id; none where it could not score a row."""
    from pyarrow import compute, parquet

    found: dict[tuple[str, str], set[str]] = {}
    wanted = {str(day): part for day, part in rows.groupby(rows["date"].astype(str))["id"]}
    for file in labelled_files(output, find_run(output, run_id)):
        day = file.parent.name.removeprefix("date=")
        if day not in wanted:
            continue
        for batch in parquet.ParquetFile(file).iter_batches(columns=["id", "labels"]):
            kept = batch.filter(compute.is_in(batch["id"], value_set=_strings(wanted[day])))
            for row in kept.to_pylist():
                found[day, row["id"]] = set(row["labels"] or ())
    return found


def _strings(values: "pd.Series[Any]") -> Any:
    """A column of ids for Arrow."""
    import pyarrow as pa

    return pa.array(values.to_list(), pa.string())
