"""A report for people: tables on the screen."""

from typing import TYPE_CHECKING

from moderation.evaluation.labels import LabelReport
from moderation.evaluation.report import Report
from moderation.evaluation.spans import SpanReport
from moderation.evaluation.thresholds import FEWEST
from moderation.models.artefact import Artefact

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

PAIR = ("precision", "recall")
WIDTH = 120  # a table that is cut says nothing; a narrow terminal wraps its lines
LEGEND = """\
[low, high]: 95% bootstrap interval. AP: average precision. ECE: expected calibration error, 15 bins of equal width.
shipped: the model's threshold. best: the one of the highest macro-F1 on these rows, chosen after the fact."""


def show(report: Report) -> None:
    """Prints all of it on standard output."""
    console = wide_console()
    console.print(f"model {report.model_id} on {report.backend}: {report.rows:,} texts, {report.sentences:,} sentences")
    for reason, count in report.unscored.items():
        console.print(f"not scored: {count:,} texts ({reason})")
    for note in report.notes:
        console.print(f"note: {note}")
    if report.labels:
        console.print()
        console.print(ranking(report.labels))
        console.print()
        console.print(decisions(report.labels))
        console.print(LEGEND)
    if report.spans:
        console.print()
        console.print(spans(report.spans))
    for table in slices(report):
        console.print()
        console.print(table)


def show_artefact(artefact: Artefact) -> None:
    """Prints what was fitted and how good it is on unseen rows."""
    made = new_table("label", "rows", "positives", "calibration", "ECE before", "after", "threshold", "macro-F1", *PAIR)
    for label, found in artefact.labels.items():
        sizes = (f"{found.rows:,}", f"{found.positives:,}", found.calibration.describe())
        figures = (found.ece_before, found.ece_after, found.threshold, found.macro_f1, found.precision, found.recall)
        made.add_row(label, *sizes, *(f"{value:.3f}" for value in figures))
    made.caption, made.caption_justify = (
        "all but ECE before: 5-fold cross-validation, weighted to the base rate",
        "left",
    )
    wide_console().print(made)


def wide_console() -> "Console":
    """Standard output, wide enough for the tables."""
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True, markup=False)
    console.width = max(console.width, WIDTH)
    return console


def new_table(*columns: str) -> "Table":
    """An empty table, its first column for names and the others for figures."""
    from rich.table import Table

    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for number, column in enumerate(columns):
        made.add_column(column, justify="right" if number else "left", no_wrap=True)
    return made


def ranking(reports: list[LabelReport]) -> "Table":
    """What needs no threshold."""
    made = new_table("label", "n", "positives", "base rate", "ROC-AUC", "AP", "ECE")
    for report in reports:
        found = report.figures
        figures = (found.roc_auc, found.average_precision, found.calibration_error) if found else ()
        made.add_row(report.label, *sizes(report), *(map(str, figures) if figures else too_few(report)))
    return made


def decisions(reports: list[LabelReport]) -> "Table":
    """What flagging from a threshold on gives."""
    made = new_table("label", "threshold", "", "flagged", "macro-F1", "precision", "recall")
    for report in reports:
        if report.figures is None:
            continue
        for name, found in (("shipped", report.figures.shipped), ("best", report.figures.best)):
            figures = map(str, (found.macro_f1, found.precision, found.recall))
            first = report.label if name == "shipped" else ""
            made.add_row(first, f"{found.threshold:.4g}", name, f"{found.flagged:.1%}", *figures)
    return made


def spans(reports: list[SpanReport]) -> "Table":
    """Strict spans."""
    made = new_table("entities", "gold", "found", "precision", "recall", "F1")
    for report in reports:
        figures = map(str, (report.precision, report.recall, report.f1))
        made.add_row(report.type, f"{report.gold:,}", f"{report.found:,}", *figures)
    return made


def slices(report: Report) -> list["Table"]:
    """A table of slices for each label, and one for entities."""
    tables = []
    for label in (found.label for found in report.labels):
        made = new_table(f"{label} by {report.by}", "n", "positives", "base rate", "ROC-AUC", "ECE", "macro-F1")
        for part in report.slices:
            for found in part.labels:
                if found.label == label:
                    made.add_row(part.value or "(null)", *sizes(found), *slice_figures(found))
        tables.append(made)
    if report.spans:
        made = new_table(f"entities by {report.by}", "gold", "found", "precision", "recall", "F1")
        for part in report.slices:
            for some in part.spans[:1]:
                figures = map(str, (some.precision, some.recall, some.f1))
                made.add_row(part.value or "(null)", f"{some.gold:,}", f"{some.found:,}", *figures)
        tables.append(made)
    return [made for made in tables if made.row_count]


def slice_figures(report: LabelReport) -> list[str]:
    """The figures of a label on a slice, as many as fit a line."""
    if report.figures is None:
        return too_few(report)
    found = report.figures
    return list(map(str, (found.roc_auc, found.calibration_error, found.shipped.macro_f1)))


def sizes(report: LabelReport) -> list[str]:
    """Rows, positives and their share."""
    return [f"{report.rows:,}", f"{report.positives:,}", f"{report.base_rate:.3f}"]


def too_few(report: LabelReport) -> list[str]:
    """Which side lacks rows."""
    side = "positives" if report.positives < FEWEST else "negatives"
    return [f"too few {side}"]
