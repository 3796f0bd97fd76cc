"""Estimates for people: tables on the screen."""

from typing import TYPE_CHECKING

from moderation.audit.curves import Point
from moderation.audit.estimates import MEASURES, Estimate
from moderation.audit.results import Results
from moderation.evaluation.show import new_table, wide_console

if TYPE_CHECKING:
    from rich.table import Table


def show_results(found: Results) -> None:
    """Prints what was estimated, slice by slice, and what it would take to know more."""
    console, design = wide_console(), found.design
    console.print(f"sample {design.sample_id} of run {design.run_id}: {design.rows:,} rows, {design.drawn:,} drawn")
    for part in dict.fromkeys(one.slice for one in found.estimates):
        console.print()
        if part:
            console.print(part)
        console.print(table([one for one in found.estimates if one.slice == part]))
    console.print("[low, high]: 95% interval, of all scored rows of the run; docs/coverage.md: how often it holds")
    for note, about in notes(found.estimates).items():
        console.print(f"{about}: {note}")
    for one in found.more:
        what = f"{one.measure} of {one.label} within ± {found.margin:g}"
        console.print(f"{what}: about {one.rows:,} more texts, drawn in the same proportions")
    if found.curves:
        console.print()
        console.print(curve_table(found.curves))
    if found.comparison:
        console.print()
        console.print(comparison_table(found.comparison, found.against or ""))


def notes(found: list[Estimate]) -> dict[str, str]:
    """Each thing that is said of estimates of the whole run, with those that it is said of."""
    said: dict[str, dict[str, None]] = {}
    for one in found:
        if one.note and one.slice is None:
            about = one.label if one.known else f"{one.label}, {one.measure.replace('_', ' ')}"
            said.setdefault(one.note, {})[about] = None
    return {note: "; ".join(about) for note, about in said.items()}


def table(found: list[Estimate]) -> "Table":
    """The estimates of the run, or of one slice."""
    made = new_table("label", *(measure.replace("_", " ") for measure in MEASURES), "reviewed")
    figures = {(one.label, one.measure): one for one in found}
    for label in dict.fromkeys(one.label for one in found):
        mine = [figures[label, measure] for measure in MEASURES]
        made.add_row(label, *map(cell, mine), f"{mine[-1].n:,}")
    return made


def cell(one: Estimate) -> str:
    """A share with its interval, or what there is instead."""
    if one.value is None or one.low is None or one.high is None:
        return "not enough verdicts"
    digits = 3 if one.high >= 0.02 else 4
    return f"{one.value:.{digits}f} [{one.low:.{digits}f}, {one.high:.{digits}f}]"


def curve_table(curves: list[Point]) -> "Table":
    """Precision and recall at other thresholds."""
    made = new_table("label", "threshold", "flagged", "precision", "recall")
    for one in curves:
        both = (one.precision, one.recall)
        figures = ("-" if found is None else "{:.3f} [{:.3f}, {:.3f}]".format(*found) for found in both)
        made.add_row(one.label, f"{one.threshold:.4g}", f"{one.flagged:.3%}", *figures)
    return made


def comparison_table(found: list[Estimate], against: str) -> "Table":
    """How much higher the rates of another run are."""
    made = new_table("label", "measure", f"higher in {against} by", "reviewed", "")
    for one in found:
        known = one.value is not None
        figures = f"{one.value:+.3f} [{one.low:+.3f}, {one.high:+.3f}]" if known else "-"
        made.add_row(one.label, one.measure.replace("_", " "), figures, f"{one.n:,}", one.note)
    return made
