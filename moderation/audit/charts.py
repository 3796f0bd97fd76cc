"""Pictures of a report as inline SVG, each in a figure with its caption and its figures as a table that opens.

Shapes take their colours from the page's classes, so that a picture follows light, dark and paper. Panels are narrow
enough for a phone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import log10

from moderation.audit.document import percent, table
from moderation.audit.shown import short_html

WIDTH, HEIGHT = 320, 180  # of a panel's coordinates
LEFT, RIGHT, TOP, BOTTOM = 44, 10, 10, 26  # room for the scales
NAMES = 100  # room for names beside their shares
Point = tuple[float, float]


@dataclass(frozen=True)
class Share:
    """A share with its interval and what it is of; `value` is None where nothing is known."""

    name: str
    value: float | None
    low: float | None = None
    high: float | None = None
    said: str = ""


def figure(title: str, said: str, shapes: Sequence[str], heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A panel with its text alternative: `said` in a sentence, and the figures as a table of cells that are HTML."""
    numbers = range(1, len(heads))
    return (
        f"<figure><figcaption><strong>{escape(title)}</strong> {escape(said)}</figcaption>"
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(f"{title}: {said}")}">'
        f"{''.join(shapes)}</svg><details><summary>Figures<span class='unseen'> of {escape(title)}</span></summary>"
        f"{table(f'{title}, as figures', heads, rows, numbers)}</details></figure>\n"
    )


def place(x: float, y: float) -> Point:
    """Coordinates of a point of the unit square."""
    return LEFT + x * (WIDTH - LEFT - RIGHT), TOP + (1 - y) * (HEIGHT - TOP - BOTTOM)


def label(x: float, y: float, words: str, anchor: str = "middle") -> str:
    """A word of a scale."""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def line(kind: str, start: Point, end: Point) -> str:
    """A line between two points of the unit square."""
    (x1, y1), (x2, y2) = place(*start), place(*end)
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def bar(kind: str, left: float, right: float, height: float) -> str:
    """A bar that stands on the axis of the unit square."""
    (x1, y1), (x2, y2) = place(left, height), place(right, 0)
    return (
        f'<rect class="{kind}" x="{x1:.1f}" y="{y1:.1f}" width="{max(x2 - x1 - 0.6, 0.4):.1f}" height="{y2 - y1:.1f}"/>'
    )


def dot(x: float, y: float) -> str:
    """A dot at a point of the unit square."""
    across, down = place(x, y)
    return f'<circle class="dot" cx="{across:.1f}" cy="{down:.1f}" r="3"/>'


def frame(scale: Sequence[tuple[float, str]]) -> list[str]:
    """The axis, and lines across at the heights of a scale."""
    left, right = place(0, 0)[0], place(1, 0)[0]
    found = []
    for height, words in scale:
        down = place(0, height)[1]
        found.append(f'<line class="grid" x1="{left}" y1="{down:.1f}" x2="{right}" y2="{down:.1f}"/>')
        found.append(label(left - 5, down + 4, words, "end"))
    return found


def top_of(highest: float) -> float:
    """A round number at or above the highest share, for the end of a scale."""
    for step in (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5):
        if highest <= step:
            return step
    return 1.0


def rates(title: str, shares: Sequence[Share]) -> str:
    """Shares in a row with their intervals, as dots with whiskers: over time."""
    known = [share for share in shares if share.value is not None]
    top = top_of(
        max((max(share.value or 0, min(share.high or 0, 1.5 * (share.value or 0))) for share in known), default=1)
    )
    shapes = frame([(0, "0"), (0.5, percent(top / 2)), (1, percent(top))])
    for number, share in enumerate(shares):
        if share.value is None:
            continue
        x = (number + 0.5) / len(shares)
        if share.low is not None and share.high is not None:
            shapes.append(line("whisker", (x, share.low / top), (x, min(share.high / top, 1))))
        shapes.append(dot(x, share.value / top))
    for number, anchor in {0: "start", len(shares) - 1: "end"}.items() if shares else ():
        across = place(1, 0)[0] if anchor == "end" else place(0, 0)[0]
        if anchor == "start" or len(shares) > 1:
            shapes.append(label(across, HEIGHT - 8, shares[number].name[:17], anchor))
    rows = [(short_html(share.name), *figures(share)) for share in shares]
    return figure(title, spread(known), shapes, ("", "share", "95% interval", "rows"), rows)


def side_by_side(title: str, shares: Sequence[Share]) -> str:
    """Shares of things with names, one below the other, from 0 to 1, with their intervals."""
    known = [share for share in shares if share.value is not None]
    left, right, step = NAMES, WIDTH - RIGHT, (HEIGHT - TOP - BOTTOM) / max(len(shares), 1)
    shapes = []
    for tick in (0, 0.5, 1):
        across = left + tick * (right - left)
        shapes.append(f'<line class="grid" x1="{across}" y1="{TOP}" x2="{across}" y2="{HEIGHT - BOTTOM}"/>')
        shapes.append(label(across, HEIGHT - 8, percent(tick), "end" if tick == 1 else "middle"))
    for number, share in enumerate(shares):
        down = TOP + (number + 0.5) * step
        shapes.append(label(left - 6, down + 4, share.name[:16], "end"))
        if share.value is None:
            shapes.append(label(left + 6, down + 4, "unknown", "start"))
            continue
        low, high = (left + (one or 0) * (right - left) for one in (share.low, share.high))
        shapes.append(f'<line class="whisker" x1="{low:.1f}" y1="{down:.1f}" x2="{high:.1f}" y2="{down:.1f}"/>')
        shapes.append(f'<circle class="dot" cx="{left + share.value * (right - left):.1f}" cy="{down:.1f}" r="3"/>')
    rows = [(short_html(share.name), *figures(share)) for share in shares]
    return figure(title, spread(known), shapes, ("", "share", "95% interval", "reviewed"), rows)


def spread(shares: Sequence[Share]) -> str:
    """The lowest and the highest share in words."""
    values = [share.value for share in shares if share.value is not None]
    if not values:
        return "nothing is known"
    return percent(values[0]) if len(values) == 1 else f"{percent(min(values))} to {percent(max(values))}"


def figures(share: Share) -> tuple[str, str, str]:
    """The cells of a share."""
    value = percent(share.value) if share.value is not None else "unknown"
    known = share.low is not None and share.high is not None
    return value, f"{percent(share.low or 0)} to {percent(share.high or 0)}" if known else "", escape(share.said)


def histogram(title: str, counts: Sequence[int], threshold: float) -> str:
    """Rows by score on a logarithmic scale, as most scores are near 0; the line is the threshold."""
    most = max([*counts, 1])
    top = max(log10(most) * 1.05, 1)
    powers = range(0, int(top) + 1, 1 if top < 4 else 2)
    shapes = frame([(power / top, f"{10**power:,}") for power in powers])
    for number, count in enumerate(counts):
        left, right = number / len(counts), (number + 1) / len(counts)
        if count:
            kind = "over" if left >= threshold else "part" if right > threshold else "under"
            shapes.append(bar(kind, left, right, max(log10(count) / top, 0.02)))
    shapes.append(line("limit", (threshold, 0), (threshold, 1)))
    shapes += [label(place(tick, 0)[0], HEIGHT - 8, f"{tick:g}") for tick in (0, 0.5, 1)]
    rows = [
        (f"{number / len(counts):.3g} to {(number + 1) / len(counts):.3g}", f"{count:,}")
        for number, count in enumerate(counts)
        if count
    ]
    return figure(title, f"{sum(counts):,} scored rows, threshold {threshold:.3g}", shapes, ("score", "rows"), rows)


def reliability(title: str, said: str, points: Sequence[tuple[float, Share]]) -> str:
    """The share of right flags against the mean score: on the dashed line a score is a probability."""
    shapes = [*frame([(0, "0"), (0.5, "50%"), (1, "100%")]), line("guide", (0, 0), (1, 1))]
    for score, share in points:
        if share.value is not None:
            shapes.append(line("whisker", (score, share.low or 0), (score, share.high or 0)))
            shapes.append(dot(score, share.value))
    shapes += [label(place(tick, 0)[0], HEIGHT - 8, f"{tick:g}") for tick in (0, 0.5, 1)]
    rows = [(f"{score:.3f}", *figures(share)) for score, share in points]
    return figure(title, said, shapes, ("mean score", "share", "95% interval", "reviewed"), rows)
