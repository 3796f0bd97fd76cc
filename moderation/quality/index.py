"""The page over all runs of an output, `runs/index.html`: what became of each, and how the shares went."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from moderation.page import listed, page, table
from moderation.quality.shares import percent, shares

log = logging.getLogger(__name__)
NAME = "index.html"
MOST_RUNS = 500  # rows of the table; older runs keep their folders
MOST_POINTS = 60  # runs in a curve
WIDTH, HEIGHT = 240, 48  # of a curve's own coordinates; the page scales it
GOOD, BAD = ("published",), ("refused", "failed", "interrupted")


def write_index(output: Path) -> None:
    """Writes the page over all runs below `output`, whole or not at all; nothing where there is no run."""
    runs = output / "runs"
    manifests = [read(path) for path in sorted(runs.glob("*/manifest.json"), reverse=True)]
    target, scratch = runs / NAME, runs / f".{NAME}.new"
    if not manifests:
        target.unlink(missing_ok=True)
        return
    scratch.write_text(index_page(manifests), encoding="utf-8")
    scratch.replace(target)


def refresh_index(output: Path) -> None:
    """Writes the page anew; what the runs did stands though it could not be written, so that is a warning."""
    try:
        write_index(output)
    except OSError as error:
        log.warning("the page over all runs could not be written: %s", error.strerror)


def read(path: Path) -> dict[str, Any]:
    """A manifest; one that cannot be read says so."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(content, dict):
            return content | {"run_id": path.parent.name}
    except (OSError, ValueError):
        pass
    return {"run_id": path.parent.name, "status": "unreadable"}


def index_page(manifests: Sequence[Mapping[str, Any]]) -> str:
    """The page; `manifests` are the newest first."""
    heads = ("run", "status", "rows", "flagged", "why", "")
    rows = [run_row(manifest) for manifest in manifests[:MOST_RUNS]]
    left_out = len(manifests) - len(rows)
    more = f'<p class="quiet">{left_out:,} older runs are not listed.</p>' if left_out else ""
    return page("Runs", f"{curves(manifests)}\n<h2>All runs</h2>\n{table(heads, rows, numbers=(2, 3))}\n{more}")


def run_row(manifest: Mapping[str, Any]) -> tuple[str, ...]:
    """The cells of one run."""
    counts, status = manifest.get("counts") or {}, str(manifest.get("status"))
    kind = "good" if status in GOOD else "bad" if status in BAD else "quiet"
    flagged = shares(manifest).get("flagged")
    folder = quote(str(manifest["run_id"]))
    links = f'<a href="{folder}/manifest.json">manifest</a>'
    if manifest.get("validation"):
        links += f' <a href="{folder}/data_docs/index.html">data&nbsp;docs</a>'
    return (
        f"{escape(str(manifest['run_id']))}<br><span class='quiet'>{escape(str(manifest.get('started', '')))}</span>",
        f'<span class="status {kind}">{escape(status)}</span>',
        f"{counts['rows_in']:,}" if "rows_in" in counts else "",
        percent(flagged.value) if flagged and flagged.value is not None else "",
        listed(reasons(manifest)),
        links,
    )


def reasons(manifest: Mapping[str, Any]) -> list[str]:
    """Why a run was refused, failed, or passed in spite of a shift, and what the gate noted."""
    validation, accepted = manifest.get("validation") or {}, manifest.get("accepted_shift")
    said = [str(reason) for reason in validation.get("failures", [])]
    if manifest.get("error"):
        said.append(str(manifest["error"]))
    if accepted:
        said.append(f"shift accepted by {accepted.get('by')}: {accepted.get('reason')}")
    return said + [str(note) for note in validation.get("notes", [])]


def curves(manifests: Sequence[Mapping[str, Any]]) -> str:
    """A small curve for each share of the newest published run, over the published runs, oldest first."""
    published = [one for one in manifests if one.get("status") in GOOD][:MOST_POINTS][::-1]
    if not published:
        return ""
    measured = [shares(one) for one in published]
    bands = ((published[-1].get("validation") or {}).get("statistics") or {}).get("shares") or {}
    figures = []
    for name in measured[-1]:
        values = [one[name].value for one in measured if name in one]
        figures.append(curve(name, [value for value in values if value is not None], bands.get(name) or {}))
    return f'<h2>Shares of the published runs</h2>\n<div class="shares">\n{"".join(figures)}</div>'


def curve(name: str, values: Sequence[float], band: Mapping[str, Any]) -> str:
    """One share over the runs: a line, the newest value, and behind it the band that it was held against."""
    if not values:
        return ""
    low, high = band.get("low"), band.get("high")
    top = max([*values, high or 0.0, 1e-9])
    step = WIDTH / max(len(values) - 1, 1)
    places = [(round(step * number, 1), height(value, top)) for number, value in enumerate(values)]
    points = " ".join(f"{x},{y}" for x, y in places)
    shade = ""
    if low is not None and high is not None:
        upper, lower = height(high, top), height(low, top)
        shade = f'<rect x="0" y="{upper}" width="{WIDTH}" height="{round(lower - upper, 1)}"/>'
    said = f"{percent(min(values))} to {percent(max(values))} in {len(values)} runs"
    return (
        f"<figure><figcaption>{escape(name)} <strong>{percent(values[-1])}</strong>"
        f' <span class="quiet">{said}</span></figcaption>'
        f'<svg viewBox="0 -3 {WIDTH} {HEIGHT + 6}" preserveAspectRatio="none" role="img">'
        f"<title>{escape(name)}: {said}</title>{shade}"
        f'<polyline points="{points}"/><circle cx="{places[-1][0]}" cy="{places[-1][1]}" r="2.5"/></svg></figure>\n'
    )


def height(value: float, top: float) -> float:
    """Where a value lies in a curve, from above."""
    return round(HEIGHT * (1 - value / top), 1)
