"""The page of a report as one file: its style, its tables, and a policy that lets nothing load or run."""

import base64
import hashlib
from collections.abc import Iterable, Sequence
from html import escape

STYLE = """
:root { color-scheme: light dark; --paper: #ffffff; --text: #1f2328; --ink: #57606a; --line: #d0d7de; --soft: #f3f5f7;
  --blue: #0969da; --good: #1a7f37; --bad: #b3261e; --w1: #fff1d6; --w2: #ffdf9e; --w3: #ffc45c; --w4: #ffa630; }
@media (prefers-color-scheme: dark) { :root { --paper: #0d1117; --text: #e6edf3; --ink: #a5adb6; --line: #3d444d;
  --soft: #161b22; --blue: #58a6ff; --good: #3fb950; --bad: #ff8a80; --w1: #332607; --w2: #4d380a; --w3: #694a0c;
  --w4: #85590a; } }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; background: var(--paper); color: var(--text); max-width: 70rem;
  margin: 0 auto; padding: 1rem; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.2; } h2 { font-size: 1.25rem; margin-top: 2.5rem; } h3 { font-size: 1.05rem; }
a { color: var(--blue); } nav ul { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; list-style: none; padding: 0; }
nav a { display: inline-block; padding: .25rem 0; } summary { cursor: pointer; padding: .25rem 0; color: var(--blue); }
.wide { overflow-x: auto; } table { border-collapse: collapse; min-width: 50%; }
caption { text-align: left; color: var(--ink); padding: .3rem 0; }
th, td { text-align: left; vertical-align: top; padding: .3rem .7rem .3rem 0; border-bottom: 1px solid var(--line);
  overflow-wrap: normal; }
td.word bdi { overflow-wrap: anywhere; } td.word { min-width: 7rem; }
code { font-size: .85em; overflow-wrap: anywhere; }
.number { text-align: right; white-space: nowrap; } .quiet { color: var(--ink); }
.good { color: var(--good); } .bad { color: var(--bad); } .note { border-left: .3rem solid var(--blue);
  background: var(--soft); padding: .6rem .9rem; margin: 1rem 0; } .note.warning { border-color: var(--bad); }
.panels { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 18rem), 1fr)); gap: 1rem; }
figure { margin: 0; padding: .6rem; border: 1px solid var(--line); border-radius: .4rem; min-width: 0; }
svg { display: block; width: 100%; max-width: 28rem; height: auto; } svg text { font: 11px system-ui, sans-serif;
  fill: var(--ink); } svg .grid { stroke: var(--line); } svg .whisker { stroke: var(--blue); stroke-width: 1.5; }
svg .dot, svg .over { fill: var(--blue); } svg .under { fill: var(--ink); opacity: .55; }
svg .part { fill: var(--blue); opacity: .6; } svg .limit { stroke: var(--bad); stroke-width: 1.5; }
svg .guide { stroke: var(--ink); stroke-dasharray: 4 3; }
.examples { list-style: none; padding: 0; } .examples > li { border: 1px solid var(--line); border-radius: .4rem;
  padding: .6rem .8rem; margin: .7rem 0; } .examples p { margin: .2rem 0; }
.said { white-space: pre-wrap; background: var(--soft); padding: .5rem .7rem; margin: .4rem 0; overflow: hidden; }
.ask { width: 1.2rem; height: 1.2rem; vertical-align: middle; }
label { display: inline-block; padding: .25rem .3rem; } :focus-visible { outline: 3px solid var(--blue); }
.ask:not(:checked) ~ .said, .ask:not(:checked) ~ .wide .said { filter: blur(.45rem); user-select: none; }
body:has(#ask-all:checked) .said.said.said { filter: none; user-select: auto; }
mark { color: inherit; background: none; border-radius: .15rem; } mark.w1 { background: var(--w1); }
mark.w2 { background: var(--w2); } mark.w3 { background: var(--w3); } mark.w4 { background: var(--w4);
  font-weight: 600; }
.entity { text-decoration: underline 2px var(--blue); } .type { font-size: .7em; color: var(--ink);
  border: 1px solid var(--line); border-radius: .2rem; padding: 0 .2rem; margin: 0 .15rem; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
@media print { :root { --paper: #ffffff; --text: #000000; --ink: #444444; --soft: #ffffff; --line: #999999; }
  nav, .ask, .ask + label, summary { display: none; } body { max-width: none; font-size: 10pt; padding: 0; }
  figure, .examples > li, tr { break-inside: avoid; } h2, h3 { break-after: avoid; } .wide { overflow: visible; }
  mark, .note { print-color-adjust: exact; }
  .ask:not(:checked) ~ .said, .ask:not(:checked) ~ .wide .said { filter: none; color: #777777; background: #777777; }
  .ask:not(:checked) ~ .said *, .ask:not(:checked) ~ .wide .said * { visibility: hidden; }
  body:has(#ask-all:checked) .said.said.said { color: inherit; background: none; }
  body:has(#ask-all:checked) .said.said.said * { visibility: visible; } }
"""


def document(title: str, sections: Sequence[tuple[str, str]]) -> str:
    """A whole page of sections, each a heading and HTML; all that was not written by us is escaped in it already.

    No script runs and nothing is loaded: the policy allows this very style and nothing else.
    """
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    links = "".join(f'<li><a href="#{anchor(head)}">{escape(head)}</a></li>' for head, _ in sections)
    parts = "\n".join(
        f'<section aria-labelledby="{anchor(head)}">\n<h2 id="{anchor(head)}">{escape(head)}</h2>\n{body}\n</section>'
        for head, body in sections
    )
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n<meta name="referrer" '
        f'content="no-referrer">\n<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n'
        f'<header><h1>{escape(title)}</h1></header>\n<nav aria-label="Sections"><ul>{links}</ul></nav>\n'
        f"<main>\n{parts}\n</main>\n</body>\n</html>\n"
    )


def anchor(head: str) -> str:
    """A heading of ours as the name of its place."""
    return "".join(letter if letter.isalnum() else "-" for letter in head.lower())


def table(caption: str, heads: Sequence[str], rows: Iterable[Sequence[str]], numbers: Iterable[int] = ()) -> str:
    """A table of cells that are HTML; `numbers` are the columns to align to the right. A wide one scrolls by itself."""
    right = set(numbers)
    kinds = ["number" if place in right else "word" for place in range(len(heads))]
    head = "".join(
        f'<th scope="col" class="{kind}">{escape(name)}</th>' if name else f'<td class="{kind}"></td>'
        for kind, name in zip(kinds, heads, strict=True)
    )
    lines = "\n".join(
        "<tr>" + "".join(f'<td class="{kind}">{cell}</td>' for kind, cell in zip(kinds, row, strict=True)) + "</tr>"
        for row in rows
    )
    return (
        f'<div class="wide" role="region" tabindex="0" aria-label="{escape(caption)}"><table>\n'
        f"<caption>{escape(caption)}</caption>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{lines}\n</tbody>\n"
        "</table></div>"
    )


def sentences(items: Iterable[str], kind: str = "") -> str:
    """A list of items that are HTML; nothing where there are none."""
    lines = "".join(f"<li>{item}</li>" for item in items)
    return f"<ul{f' class={kind}' if kind else ''}>{lines}</ul>" if lines else ""


def note(html: str, warning: bool = False) -> str:
    """Something to know before reading on."""
    return f'<div class="note{" warning" if warning else ""}">{html}</div>'


def percent(value: float) -> str:
    """A share for people: three digits that count."""
    if value in (0, 1) or value >= 0.0995:
        return f"{value:.1%}" if value not in (0, 1) else f"{value:.0%}"
    return f"{value:.2%}" if value >= 0.00095 else f"{value:.4%}"
