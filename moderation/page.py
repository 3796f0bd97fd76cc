"""Pages for people: one HTML file each that loads nothing, from the network or otherwise, and runs nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'"
STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --good: #1a7f37; --bad: #cf222e; --ink: #57606a; }
body { font: 15px/1.45 system-ui, sans-serif; max-width: 75rem; margin: 1.5rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem; border-bottom: 1px solid var(--line); }
th { font-weight: 600; color: var(--ink); } td.number, th.number { text-align: right; white-space: nowrap; }
td ul { margin: 0; padding-left: 1.1rem; } .wide { overflow-x: auto; }
.good { color: var(--good); } .bad { color: var(--bad); } .quiet { color: var(--ink); }
.status { font-weight: 600; white-space: nowrap; }
.shares { display: grid; grid-template-columns: repeat(auto-fill, minmax(16rem, 1fr)); gap: .8rem; }
.shares figure { margin: 0; padding: .5rem .7rem; border: 1px solid var(--line); border-radius: .4rem; }
svg { display: block; width: 100%; height: 3rem; }
svg polyline { fill: none; stroke: #0969da; stroke-width: 1.5; vector-effect: non-scaling-stroke; }
svg rect { fill: #0969da22; } svg circle { fill: #0969da; }
"""


def page(title: str, body: str, style: str = "") -> str:
    """A whole page; `body` is HTML, everything that was not written by us is escaped in it already."""
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}{style}</style>\n</head>\n"
        f"<body>\n<h1>{escape(title)}</h1>\n{body}\n</body>\n</html>\n"
    )


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[int] = ()) -> str:
    """A table of cells that are HTML; `numbers` are the columns to align to the right."""
    kinds = [' class="number"' if place in numbers else "" for place in range(len(heads))]
    head = "".join(f"<th{kind}>{escape(name)}</th>" for kind, name in zip(kinds, heads, strict=True))
    lines = "\n".join(
        "<tr>" + "".join(f"<td{kind}>{cell}</td>" for kind, cell in zip(kinds, row, strict=True)) + "</tr>"
        for row in rows
    )
    return f'<div class="wide"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{lines}\n</tbody>\n</table></div>'


def listed(items: Iterable[object]) -> str:
    """A list of sentences, escaped; nothing where there are none."""
    lines = "".join(f"<li>{escape(str(item))}</li>" for item in items)
    return f"<ul>{lines}</ul>" if lines else ""
