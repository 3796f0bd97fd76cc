"""Shares of a run with Wilson's intervals: by day, by run and by slice, and whether they left their usual bands."""

import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from moderation.audit.charts import Share, rates
from moderation.audit.document import note, percent, table
from moderation.audit.facts import Counts, Named
from moderation.audit.shown import short_html
from moderation.config import GateSettings
from moderation.quality.shares import earlier, measure, shares

MOST_RUNS = 30
RUN_ID = re.compile(r"\d{8}T\d{6}Z-")
Manifest = Mapping[str, Any]


def wilson(count: float, rows: float) -> tuple[float, float] | tuple[None, None]:
    """The 95% interval of a share, by E. B. Wilson (JASA 22, 1927); nothing of no rows."""
    if not rows:
        return None, None
    from statsmodels.stats.proportion import proportion_confint

    low, high = proportion_confint(count, rows, method="wilson")
    return float(low), float(high)


def share(name: str, count: int, rows: int) -> Share:
    """So many of so many rows."""
    low, high = wilson(count, rows)
    return Share(name, count / rows if rows else None, low, high, f"{count:,} of {rows:,}")


def by_date(counts: Sequence[Counts], labels: Sequence[str]) -> str:
    """A panel for flagged rows and one for every label, over the days."""
    days = [one for one in counts if one.name[:1].isdigit()]
    panels = [rates("flagged", [share(day.name, day.flagged, day.rows) for day in days])]
    panels += [rates(label, [share(day.name, day.labels[label], day.scored) for day in days]) for label in labels]
    step = "month by month, as there are many days" if days and len(days[0].name) == len("2026-01") else "day by day"
    dateless = sum(one.rows for one in counts) - sum(day.rows for day in days)
    left_out = f" {dateless:,} rows have no date and are in no picture." if dateless else ""
    return (
        f"<p>Flagged rows of all rows, and rows with a label of those that were scored, {step}. Lines show 95% "
        f"intervals (Wilson): what chance alone could make of the share.{left_out}</p>"
        f'<div class="panels">{"".join(panels)}</div>'
    )


def by_run(now: Manifest, manifests: Sequence[Manifest]) -> str:
    """The same shares over the runs that were published here, oldest first, this one last."""
    before = earlier([one for one in manifests if str(one["run_id"]) < now["run_id"]], now)[: MOST_RUNS - 1]
    if not before:
        return "<p>No other comments were published here before this run: there is nothing to compare it with.</p>"
    line = [*before[::-1], now]
    measured = [(began(str(one["run_id"])), shares(one)) for one in line]
    panels = [
        rates(
            name.removeprefix("label "),
            [share(run_id, one[name].count, one[name].rows) for run_id, one in measured if name in one],
        )
        for name in measured[-1][1]
        if name == "flagged" or name.startswith("label ")
    ]
    return (
        f"<p>The last {len(line)} published runs over different comments, oldest first, this one last. Other models or "
        "another policy may have decided in earlier ones: the table of drift compares only what was decided alike.</p>"
        f'<div class="panels">{"".join(panels)}</div>'
    )


def began(run_id: str) -> str:
    """When a run began, by its id; another id as it is."""
    if not RUN_ID.match(run_id):
        return run_id
    return f"{run_id[:4]}-{run_id[4:6]}-{run_id[6:8]} {run_id[9:11]}:{run_id[11:13]}"


def drift(now: Manifest, manifests: Sequence[Manifest]) -> str:
    """Every share held against the band that earlier runs of the same models and thresholds lead to expect."""
    settings = GateSettings.model_validate((now.get("config") or {}).get("gate") or {})
    before = [one for one in manifests if str(one["run_id"]) < now["run_id"]]
    rows, outside = [], []
    for name, one in measure(now, before, settings).items():
        if one.band is None:
            lacking = f"unknown: {one.known_runs} of {settings.min_runs} comparable earlier runs"
            rows.append((escape(name), said(one.share.value), "", escape(lacking)))
            continue
        inside = one.band.low <= (one.share.value or 0) <= one.band.high
        outside += [] if inside else [name]
        verdict = '<span class="good">as expected</span>' if inside else '<strong class="bad">outside</strong>'
        band = f"{percent(one.band.low)} to {percent(one.band.high)}"
        rows.append((escape(name), said(one.share.value), band, f"{verdict}, after {one.band.runs} runs"))
    heads = ("share of", "this run", "expected", "")
    told = f"<p>Outside of what earlier runs lead to expect: <strong>{escape(', '.join(outside))}</strong>.</p>"
    compared = any(band for _, _, band, _ in rows)
    calm = (
        "<p>No share that can be compared lies outside of what earlier runs lead to expect.</p>"
        if compared
        else "<p>Nothing can be compared yet: there are too few earlier runs of these models and thresholds here.</p>"
    )
    return (told if outside else calm) + table("Shares of this run and the bands of earlier runs", heads, rows, (1, 2))


def said(value: float | None) -> str:
    """A share, or that there is none."""
    return "" if value is None else percent(value)


def by_slice(column: str, counts: Sequence[Counts], labels: Sequence[str]) -> str:
    """The most frequent values of a column, with how much of them was flagged and labelled."""
    rows = []
    for one in counts:
        flagged = share(one.name, one.flagged, one.rows)
        interval = f"{percent(flagged.low or 0)} to {percent(flagged.high or 0)}"
        cells = [percent(one.labels[label] / one.scored) if one.scored else "" for label in labels]
        rows.append((short_html(one.name), f"{one.rows:,}", said(flagged.value), interval, *cells))
    heads = (column, "rows", "flagged", "95% interval", *labels)
    title = f"The {len(rows)} most frequent values of {column}"
    return table(title, heads, rows, range(1, len(heads))) + (
        "<p class='quiet'>A slice that is flagged more often may be ruder, or the model may misread it: only verdicts "
        "tell which.</p>"
    )


def named_table(label: str, found: Sequence[Named], all_rows: int, labelled: int) -> str:
    """The entities that most labelled rows name, beside how often rows that name them have the label at all."""
    if not found:
        return f"<p>No row with the label {escape(label)} names anybody or anything.</p>"
    rows = []
    for one in found:
        part = share(one.text, one.labelled, one.rows)
        interval = f"{percent(part.low or 0)} to {percent(part.high or 0)}"
        cells = (f"{one.labelled:,}", f"{one.rows:,}", said(part.value), interval)
        rows.append((f'<span class="said">{short_html(one.text)}</span>', escape(one.type), *cells))
    usual = percent(labelled / all_rows) if all_rows else "unknown"
    heads = ("entity", "type", f"rows with {label}", "rows that name it", "share", "95% interval")
    return (
        f"<p>Of all scored rows {usual} have the label {escape(label)}. That a row names somebody does not mean that "
        "it is about them; names are as the model found them, whatever their case.</p>"
        '<div><input type="checkbox" class="ask" id="ask-names"><label for="ask-names">Show the names</label>'
        f"{table(f'Most named in rows with the label {label}', heads, rows, range(2, 6))}</div>"
    )


def unknown(what: str, command: str) -> str:
    """That nothing is known of something, and what to do about it."""
    return note(f"<p>{what}</p><p><code>{escape(command)}</code></p>", warning=True)
