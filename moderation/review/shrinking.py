"""How sure an estimate has become: its interval against the texts reviewed, as inline SVG without any style of its own.

Shapes take their colours from the page's classes; where a page has none they are drawn in the colour of its text.
"""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, NamedTuple

WIDTH, HEIGHT = 240, 72
LEFT, RIGHT, TOP, BOTTOM = 34, 6, 6, 16
MEASURE = "precision"


class Point(NamedTuple):
    """An estimate when so many texts were reviewed."""

    reviewed: int
    low: float
    value: float
    high: float


def shrinking(history: Sequence[Mapping[str, Any]], label: str, measure: str = MEASURE) -> str:
    """The picture of one figure, '' while fewer than two points are known; `history` is `Background.history()`."""
    points = points_of(history, label, measure)
    if len(points) < 2:
        return ""
    bottom, top = scale(points[-1])
    most = max(point.reviewed for point in points)

    def place(reviewed: float, share: float) -> str:
        x = LEFT + reviewed / most * (WIDTH - LEFT - RIGHT)
        inside = min(max((share - bottom) / (top - bottom), 0.0), 1.0)
        return f"{x:.1f},{TOP + (1 - inside) * (HEIGHT - TOP - BOTTOM):.1f}"

    upper = [place(point.reviewed, point.high) for point in points]
    lower = [place(point.reviewed, point.low) for point in reversed(points)]
    line = [place(point.reviewed, point.value) for point in points]
    last = line[-1].split(",")
    shapes = [
        *(grid(share, place(0, share).split(",")[1]) for share in (bottom, top)),
        f'<polygon class="band" points="{" ".join(upper + lower)}" fill="currentColor" fill-opacity="0.18"/>',
        f'<polyline class="value" points="{" ".join(line)}" fill="none" stroke="currentColor" stroke-width="1.5"/>',
        f'<circle class="value" cx="{last[0]}" cy="{last[1]}" r="2.5" fill="currentColor"/>',
        text(LEFT, HEIGHT - 3, escape(short(f"{measure.replace('_', ' ')} of {label}")), "start"),
        text(WIDTH - RIGHT, HEIGHT - 3, f"{most:,} texts", "end"),
    ]
    said = escape(sentence(points, label, measure))
    return (
        f'<svg class="shrinking" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{said}">{"".join(shapes)}</svg>'
    )


def pictures(history: Sequence[Mapping[str, Any]], measure: str = MEASURE) -> str:
    """A picture for each label of which enough is known, in their order."""
    labels = dict.fromkeys(one["label"] for one in history[-1]["estimates"]) if history else {}
    return "".join(shrinking(history, label, measure) for label in labels)


def points_of(history: Sequence[Mapping[str, Any]], label: str, measure: str) -> list[Point]:
    """The points at which there was a figure, by the texts that were reviewed; the last word on each number holds."""
    found: dict[int, Point] = {}
    for moment in history:
        mine = {one["measure"]: one for one in moment["estimates"] if one["label"] == label and one["slice"] is None}
        one, reviewed = mine.get(measure), mine.get("prevalence", {}).get("n", 0)
        if one and one["value"] is not None and reviewed:
            found[reviewed] = Point(reviewed, float(one["low"]), float(one["value"]), float(one["high"]))
    return [found[reviewed] for reviewed in sorted(found)]


def scale(last: Point) -> tuple[float, float]:
    """Which shares are shown: all, or in tenfold steps the lowest of them, where the figure is small."""
    top = 1.0
    while top > 1e-4 and last.high < top / 10 * 0.8:
        top /= 10
    return 0.0, top


def sentence(points: Sequence[Point], label: str, measure: str) -> str:
    """The picture in words."""
    first, last = points[0], points[-1]
    return (
        f"{measure.replace('_', ' ')} of {label}: {last.value:.3g}, from {last.low:.3g} to {last.high:.3g} after "
        f"{last.reviewed:,} texts; from {first.low:.3g} to {first.high:.3g} after {first.reviewed:,}"
    )


def short(words: str, most: int = 28) -> str:
    """Words that fit below a picture."""
    return words if len(words) <= most else f"{words[: most - 1]}…"


def grid(share: float, y: str) -> str:
    """A line across with its number."""
    line = f'<line class="grid" x1="{LEFT}" y1="{y}" x2="{WIDTH - RIGHT}" y2="{y}" stroke="currentColor" '
    return line + 'stroke-opacity="0.25"/>' + text(LEFT - 4, float(y) + 4, f"{100 * share:g}%", "end")


def text(x: float, y: float, words: str, anchor: str) -> str:
    """A few letters of a scale."""
    return f'<text x="{x:g}" y="{y:.1f}" text-anchor="{anchor}" font-size="10" fill="currentColor">{words}</text>'
