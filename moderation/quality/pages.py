"""A run's Data Docs as files that open offline: a front page of our own, and Great Expectations' pages made to."""

from __future__ import annotations

import re
import shutil
from html import escape
from pathlib import Path
from typing import Any

from moderation.page import POLICY, STYLE, listed, page, table
from moderation.quality.report import Outcome
from moderation.quality.shares import percent

# Scripts, style sheets, fonts and pictures that Great Expectations' pages load from other hosts, and its own of a site.
LOADED = re.compile(r"<script\b.*?</script>|<style\b.*?</style>|<footer\b.*?</footer>|<link\b[^>]*>|<img\b[^>]*>", re.S)
FILTERS = re.compile(r'<div class="card mb-3">\s*<div class="card-header p-2">\s*<strong>Actions</strong>', re.S)
SITE_STYLE = """
.row { display: flex; gap: 1.5rem; flex-wrap: wrap; } .col-lg-2 { flex: 1 1 12rem; } .col-lg-10 { flex: 4 1 32rem; }
.col-12 { flex: 1 1 100%; } ul.nav, ol { list-style: none; padding: 0; } .d-none { display: none; }
.alert { background: var(--soft); padding: .3rem .6rem; margin-top: .8rem; } h4, h5, .m-0, p { margin: .2rem 0; }
i.text-success::before { content: "✓ kept"; color: var(--good); } i.text-danger::before { content: "✗ broken"; }
i.text-danger, .text-danger { color: var(--bad); } .d-md-block, .d-md-inline-flex { display: block; }
"""


def write_report(outcome: Outcome) -> Outcome:
    """Writes the front page over Great Expectations' own, and takes from its pages what they would load."""
    site = outcome.docs.parent
    for folder in (site / "validations").glob("*"):
        for older in sorted(folder.glob("*/*"))[:-1]:  # verdicts without counts, as the counts came after
            shutil.rmtree(older)
    for path in site.rglob("*.html"):
        path.write_text(offline(path.read_text(encoding="utf-8")), encoding="utf-8")
    shutil.rmtree(site / "static", ignore_errors=True)  # fonts and pictures, of which nothing is left to ask
    outcome.docs.write_text(front_page(outcome, site), encoding="utf-8")
    return outcome


def offline(html: str) -> str:
    """A page of Great Expectations' without what it loads or runs, in our style."""
    bare = FILTERS.sub('<div class="d-none"><div><strong>', LOADED.sub("", html))  # its filter is a script
    head = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n<style>{STYLE}{SITE_STYLE}</style>\n'
    return bare.replace("<head>", f"<head>\n{head}", 1)


def front_page(outcome: Outcome, site: Path) -> str:
    """The verdict, its reasons, all checks and all shares, and the way to Great Expectations' pages."""
    verdict = "passed" if outcome.success else "refused"
    broken = outcome.statistics["failed"]
    kind = "good" if outcome.success else "bad"
    said = f"{verdict}: {broken} of {outcome.checks} checks broken"
    body = [f'<p class="status {kind}">{said}</p>', listed(outcome.failures)]
    if outcome.accepted:
        said = f"accepted by {outcome.accepted.by}: {outcome.accepted.reason}"
        body.append(f"<p>Shift, {escape(said)}</p>{listed(outcome.shift)}")
    body += [listed(outcome.notes), shares_table(outcome.statistics["shares"]), checks_table(outcome, site)]
    return page("Validation of a run", "\n".join(body))


def shares_table(shares: dict[str, Any]) -> str:
    """Every share with the limits it was held against."""
    if not shares:
        return ""
    rows = []
    for name, one in shares.items():
        band = f"{percent(one['low'])} to {percent(one['high'])}" if one["low"] is not None else "baseline"
        limit = percent(one["limit"]) if one["limit"] is not None else ""
        value = percent(one["share"]) if one["share"] is not None else ""
        rows.append((escape(name), value, f"{one['count']:,} of {one['rows']:,}", limit, band, f"{one['runs']}"))
    heads = ("share of", "", "rows", "limit", "band", "earlier runs")
    return f"<h2>Shares</h2>\n{table(heads, rows, numbers=(1, 2, 3, 4, 5))}"


def checks_table(outcome: Outcome, site: Path) -> str:
    """Every check with its verdict and, by table, the page of Great Expectations that tells more."""
    parts = ["<h2>Checks</h2>"]
    tables = dict.fromkeys(check["table"] for check in outcome.statistics["checks"])
    for name in tables:
        rows = [
            (mark(check["success"]), escape(check["rule"]), how_many(check["unexpected_count"]))
            for check in outcome.statistics["checks"]
            if check["table"] == name
        ]
        parts.append(f"<h3>{link(site, name)}</h3>{table(('', 'what is expected', 'rows that break it'), rows, (2,))}")
    return "\n".join(parts)


def link(site: Path, name: str) -> str:
    """The name of a table, which leads to its page where there is one."""
    pages = sorted((site / "validations" / name).rglob("*.html"))
    return f'<a href="{escape(pages[-1].relative_to(site).as_posix())}">{escape(name)}</a>' if pages else escape(name)


def mark(success: bool) -> str:
    """Kept or broken."""
    return '<span class="good">✓</span>' if success else '<span class="bad">✗</span>'


def how_many(count: int | None) -> str:
    """A number of rows; nothing where a check does not count them."""
    return "" if count is None else f"{count:,}"
