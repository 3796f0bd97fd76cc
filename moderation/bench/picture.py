"""Speeds as a picture: horizontal bars in an SVG that can be read on light and on dark pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

WIDTH, LEFT, RIGHT, TOP, ROW, BAR = 820, 170, 150, 66, 30, 20  # pixels; the bars lie between LEFT and RIGHT
BOTTOM = 34

# The card paints its own ground: a picture cannot know the colour of the page around it.
STYLE = """
  .card { fill: #ffffff; stroke: #d0d7de } .title { fill: #1f2328; font-size: 17px; font-weight: 600 }
  .text { fill: #1f2328; font-size: 13px } .note { fill: #59636e; font-size: 12px }
  .ours { fill: #0969da } .theirs { fill: #8c959f }
  @media (prefers-color-scheme: dark) {
    .card { fill: #0d1117; stroke: #3d444d } .title, .text { fill: #f0f6fc } .note { fill: #9198a1 }
    .ours { fill: #4493f8 } .theirs { fill: #656c76 }
  }
"""


@dataclass(frozen=True)
class Bar:
    """A bar with its name, its length, and what stands at its end."""

    name: str
    value: float
    label: str
    ours: bool


def draw(bars: Sequence[Bar], title: str, subtitle: str, note: str) -> str:
    """The whole picture."""
    height = TOP + ROW * len(bars) + BOTTOM
    longest = max((bar.value for bar in bars), default=0) or 1
    rows = [row(bar, TOP + ROW * number, bar.value / longest) for number, bar in enumerate(bars)]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
            f' role="img" font-family="system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif">',
            f"<title>{escape(title)}</title>",
            f"<style>{STYLE}</style>",
            f'<rect class="card" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="8"/>',
            text("title", 20, 30, title),
            text("note", 20, 50, subtitle),
            *rows,
            text("note", 20, height - 14, note),
            "</svg>\n",
        ]
    )


def row(bar: Bar, top: int, share: float) -> str:
    """A bar between its name and its label."""
    width = round(max(1.0, share * (WIDTH - LEFT - RIGHT)), 1)
    middle = top + BAR // 2 + 5
    kind = "ours" if bar.ours else "theirs"
    shape = f'<rect class="{kind}" x="{LEFT}" y="{top}" width="{width}" height="{BAR}" rx="3"/>'
    name = text("text", LEFT - 10, middle, bar.name, anchor="end")
    return "\n".join([name, shape, text("text", round(LEFT + width + 8, 1), middle, bar.label)])


def text(kind: str, x: float, y: float, words: str, anchor: str = "start") -> str:
    """A line of text; what is not allowed in XML is escaped."""
    return f'<text class="{kind}" x="{x}" y="{y}" text-anchor="{anchor}">{escape(words)}</text>'
