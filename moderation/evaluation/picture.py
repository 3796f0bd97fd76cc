"""Reliability and precision–recall of each label as a picture: an SVG that reads well on light and on dark pages."""

from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from moderation.errors import UsageError
from moderation.evaluation.counts import BINS
from moderation.evaluation.labels import Figures, LabelReport

SIDE, LEFT, GAP, TOP, ROW, WIDTH = 190, 60, 110, 64, 276, 600  # pixels; panels are squares of SIDE
COUNTS = 26  # height of the bars that show how many rows a bin holds

# The card paints its own ground: a picture cannot know the colour of the page around it.
STYLE = """
  .card { fill: #ffffff } .frame { fill: none; stroke: #d0d7de } .guide { stroke: #8c959f; stroke-dasharray: 4 3 }
  .title { fill: #1f2328; font-size: 15px; font-weight: 600 } .note { fill: #59636e; font-size: 11px }
  .line { fill: none; stroke: #0969da; stroke-width: 2 } .dot { fill: #0969da } .rows { fill: #0969da; opacity: 0.25 }
  .mark { fill: #bc4c00 } .best { fill: none; stroke: #bc4c00; stroke-width: 2 }
  @media (prefers-color-scheme: dark) {
    .card { fill: #0d1117 } .frame { stroke: #3d444d } .guide { stroke: #656c76 } .title { fill: #f0f6fc }
    .note { fill: #9198a1 } .line { stroke: #4493f8 } .dot, .rows { fill: #4493f8 }
    .mark { fill: #f0883e } .best { stroke: #f0883e }
  }
"""


def check_picture(path: Path | None) -> None:
    """Raises `UsageError` where a picture could not be written, before anything is scored."""
    if path is None:
        return
    if path.suffix.lower() != ".svg":
        raise UsageError(f"--picture {path}: the picture is an SVG, so give it that ending")
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise UsageError(f"--picture {path}: no such folder")


def draw(reports: Sequence[LabelReport], title: str) -> str:
    """The whole picture: a row with two panels for each label that has figures."""
    shown = [(report, report.figures) for report in reports if report.figures]
    height = TOP + ROW * len(shown)
    rows = [row(report, figures, TOP + ROW * number) for number, (report, figures) in enumerate(shown)]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
        ' role="img" font-family="system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif">'
    )
    ground = f'<rect class="card" width="{WIDTH}" height="{height}" rx="8"/>'
    parts = [head, f"<title>{escape(title)}</title>", f"<style>{STYLE}</style>", ground, text("title", 20, 30, title)]
    note = "left: share of positives by score, and rows per bin; right: full dot shipped threshold, ring best one"
    return "\n".join([*parts, text("note", 20, 48, note), *rows, "</svg>\n"])


def row(report: LabelReport, figures: Figures, top: int) -> str:
    """A label's name and its two panels."""
    name = f"{report.label}: {report.rows:,} rows, {report.positives:,} positive"
    return "\n".join(
        [
            text("title", LEFT, top + 16, name),
            *reliability(figures, LEFT, top + 28),
            *precision_recall(report, figures, LEFT + SIDE + GAP, top + 28),
        ]
    )


def reliability(figures: Figures, left: int, top: int) -> list[str]:
    """Share of positives against mean score: on the diagonal a score is a probability."""
    most = max(held.rows for held in figures.bins)
    bars = []
    for held in figures.bins:
        number, size = min(int(held.score * BINS), BINS - 1), COUNTS * held.rows / most
        shape = (left + SIDE * number / BINS + 1, top + SIDE - size, SIDE / BINS - 2, size)
        bars.append('<rect class="rows" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>'.format(*shape))
    points = [(held.score, held.frequency) for held in figures.bins]
    dots = [dot("dot", left, top, *point) for point in points]
    ece = f"score · calibration error {figures.calibration_error.value:.3f}"
    return [*frame(left, top, ece, (0, 0, 1, 1)), *bars, line(left, top, points), *dots]


def precision_recall(report: LabelReport, figures: Figures, left: int, top: int) -> list[str]:
    """Precision against recall; the dashed line is what flagging at random gives."""
    points = [(float(recall), float(precision)) for recall, precision in figures.curve]
    marks = [
        dot(kind, left, top, found.recall.value, found.precision.value, 5)
        for kind, found in (("best", figures.best), ("mark", figures.shipped))
    ]
    name = f"recall · average precision {figures.average_precision.value:.3f}"
    return [*frame(left, top, name, (0, report.base_rate, 1, report.base_rate)), line(left, top, points), *marks]


def frame(left: int, top: int, name: str, guide: tuple[float, float, float, float]) -> list[str]:
    """A panel's border, its scales from 0 to 1, the name of what runs along it, and a dashed guide."""
    (x1, y1), (x2, y2) = (place(left, top, *guide[start : start + 2]) for start in (0, 2))
    return [
        f'<rect class="frame" x="{left}" y="{top}" width="{SIDE}" height="{SIDE}"/>',
        f'<line class="guide" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>',
        *(text("note", left - 8, top + SIDE * (1 - tick) + 4, f"{tick:g}", "end") for tick in (0, 0.5, 1)),
        *(text("note", left + SIDE * tick, top + SIDE + 16, f"{tick:g}", "middle") for tick in (0, 0.5, 1)),
        text("note", left + SIDE / 2, top + SIDE + 34, name, "middle"),
    ]


def place(left: int, top: int, x: float, y: float) -> tuple[float, float]:
    """Pixels of a point of the unit square."""
    return left + SIDE * x, top + SIDE * (1 - y)


def line(left: int, top: int, points: Sequence[tuple[float, float]]) -> str:
    """A line through points."""
    pixels = " ".join("{:.1f},{:.1f}".format(*place(left, top, *point)) for point in points)
    return f'<polyline class="line" points="{pixels}"/>'


def dot(kind: str, left: int, top: int, x: float, y: float, radius: int = 3) -> str:
    """A dot."""
    across, down = place(left, top, x, y)
    return f'<circle class="{kind}" cx="{across:.1f}" cy="{down:.1f}" r="{radius}"/>'


def text(kind: str, x: float, y: float, words: str, anchor: str = "start") -> str:
    """A line of text; what is not allowed in XML is escaped."""
    return f'<text class="{kind}" x="{x:g}" y="{y:g}" text-anchor="{anchor}">{escape(words)}</text>'
