"""A published run with ids, texts and communities that make trouble, and a client of its pages that signs in."""

import json
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from moderation.review.app import make_app
from moderation.review.state import Options, load
from tests.audit.reported import LABELS, THRESHOLDS, published, row
from tests.review.hostile_strings import HOSTILE
from tests.review.reviewed_run import RUN, draw, entities_of

DAYS = ("2026-01-05", "2026-01-06", "unknown")
IDS = (
    *(
        "a/b",
        "/",
        "//",
        "..",
        ".",
        "../..",
        "a/../b",
        "%2e%2e",
        "%",
        "%41",
        "100% sure",
        "a b",
        "a+b",
        "?q=1&x",
        "#part",
    ),
    *(
        "'; DROP TABLE rows; --",
        '"quoted"',
        "<script>alert(1)</script>",
        "new\nline",
        "\n",
        "tab\t",
        "\r\n",
        "nul\x00x",
    ),
    *("ü", "𝕱", "e\u0301", "\u202eright", "\\back\\slash", "a;b", "=1", " ", "w" * 5000, "é" * 3000, "{x}", "[a]*?"),
)


def browsed_rows(count: int = 60) -> list[dict[str, Any]]:
    """Labelled rows of three days: every id of `IDS`, every hostile text, some of both labels, some with a rule."""
    found = []
    for number in range(max(count, len(IDS))):
        body = f"{HOSTILE[number % len(HOSTILE)]} Paris ({number})"
        scores = (number * 37 % 100) / 100, (number * 53 % 100) / 100
        made = row(number, body, *scores, entities=entities_of(body), subreddit=HOSTILE[number % 7])
        made |= {"date": DAYS[number % 3], "id": IDS[number] if number < len(IDS) else f"r{number}"}
        found.append(made | ({"rules": ["loud"], "action": "remove"} if number % 5 == 0 else {}))
    return found


def publish(output: Path, rows: list[dict[str, Any]], sample: bool = False) -> Path:
    """Publishes the rows; with `sample`, all of them are to be reviewed."""
    output.mkdir(parents=True, exist_ok=True)
    published(output, rows, RUN)
    path = output / "runs" / RUN / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest["policy"]["rules"] = [{"name": "loud", "when": "flagged", "action": "remove", "severity": "high"}]
    path.write_text(json.dumps(manifest), encoding="utf-8")
    if sample:
        draw(output, rows)
    return output


def client(output: Path, reviewer: str = "anna", background: Any = None) -> TestClient:
    """A browser of the pages, signed in by name."""
    app = make_app(load(output, None, "latest", Options(reviewer=reviewer)))
    app.state.background = background
    found = TestClient(app, base_url="http://127.0.0.1:8765", headers={"Accept": "text/html"})
    found.get("/runs")
    return found


def truth(rows: list[dict[str, Any]], keep: Any) -> list[tuple[str, str]]:
    """Id and date of the rows that a plain rule keeps, in the order in which the run has them."""
    return [(one["id"], one["date"]) for one in sorted(rows, key=lambda one: one["date"]) if keep(one)]


__all__ = ["DAYS", "IDS", "LABELS", "THRESHOLDS", "browsed_rows", "client", "publish", "truth"]
