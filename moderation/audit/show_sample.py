"""A sample for people: what was drawn, and what it will tell."""

from typing import TYPE_CHECKING

from moderation.audit.design import Design, SampleFolder
from moderation.audit.estimates import MEASURES
from moderation.evaluation.show import new_table, wide_console

if TYPE_CHECKING:
    from rich.table import Table


def show_sample(folder: SampleFolder, design: Design, new: bool, reviews: int) -> None:
    """Prints the sample's strata and expected margins on standard output."""
    console = wide_console()
    state = "drawn" if new else "there already, nothing changed"
    console.print(f"sample {design.sample_id} of run {design.run_id}: {state}; {folder.path}")
    left_out = f"{design.skipped:,} skipped and {design.failed:,} failed rows have no score and are not sampled"
    console.print(f"{design.drawn:,} of {design.rows:,} rows, {reviews:,} texts to review; {left_out}")
    console.print()
    made = new_table("stratum", "rows", "drawn", "one row stands for")
    for one in design.strata:
        made.add_row(one.name, f"{one.rows:,}", f"{one.drawn:,}", f"{one.rows / one.drawn:,.1f}")
    console.print(made)
    console.print()
    console.print(expected_table(design))
    console.print("expected from the calibrated scores, with 95% intervals; what reviewers say may differ")
    for line in missed(design):
        console.print(line)


def expected_table(design: Design) -> "Table":
    """Value and margin that are expected of each label."""
    made = new_table("label", *(measure.replace("_", " ") for measure in MEASURES))
    found = {(one.label, one.measure): one for one in design.expected}
    for label in design.thresholds:
        made.add_row(label, *(cell(found[label, measure].value, found[label, measure].margin) for measure in MEASURES))
    return made


def cell(value: float | None, margin: float | None) -> str:
    """A share and its margin; none where every row that it rests on is to be reviewed."""
    if value is None or margin is None:
        return "-"
    if margin < 5e-6:
        return f"{value:.3f}, all seen"
    digits = 3 if margin >= 0.002 else 5
    return f"{value:.{digits}f} ± {margin:.{digits}f}"


def missed(design: Design) -> list[str]:
    """A line for each margin that was asked for and is not to be expected."""
    if design.margin is None:
        return []
    return [
        f"{one.measure} of {one.label}: ± {one.margin:.3f} expected, not ± {design.margin:g}; --size allows for more"
        for one in design.expected
        if one.label in design.labels and one.measure in ("precision", "recall") and one.margin is not None
        if one.margin > design.margin * 1.1
    ]
