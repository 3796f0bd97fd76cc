"""A published run as its files, written without Spark or a model, with any rows."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from moderation.runs.manifest import Manifest

LABELS = ("offensive", "insult")
THRESHOLDS = {"offensive": 0.5, "insult": 0.3}
ENTITY = pa.struct(
    [("start", pa.int32()), ("end", pa.int32()), ("type", pa.string()), ("text", pa.string()), ("score", pa.float32())]
)
SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("body", pa.string()),
        ("subreddit", pa.string()),
        ("text_sha256", pa.string()),
        ("status", pa.string()),
        ("status_reason", pa.string()),
        ("scores", pa.struct([(label, pa.float32()) for label in LABELS])),
        ("labels", pa.list_(pa.string())),
        ("flagged", pa.bool_()),
        ("entities", pa.list_(ENTITY)),
        ("evidence", pa.struct([("start", pa.int32()), ("end", pa.int32())])),
        ("action", pa.string()),
        ("severity", pa.string()),
        ("rules", pa.list_(pa.string())),
        ("run_id", pa.string()),
    ]
)


def row(number: int, body: str, offensive: float, insult: float, **changes: Any) -> dict[str, Any]:
    """A labelled row as a run would have written it."""
    scores = {"offensive": offensive, "insult": insult}
    labels = [label for label in LABELS if scores[label] >= THRESHOLDS[label]]
    made = {
        "id": f"r{number}",
        "body": body,
        "subreddit": "a",
        "date": "2026-01-05",
        "text_sha256": hashlib.sha256(body.encode()).hexdigest(),
        "status": "scored",
        "scores": scores,
        "labels": labels,
        "flagged": bool(labels),
        "entities": [],
        "action": "review" if labels else "none",
        "severity": "low" if labels else "none",
        "rules": [],
    }
    return made | changes


def skipped(number: int, date: str = "2026-01-05") -> dict[str, Any]:
    """A row without a text."""
    nothing = {"scores": None, "labels": None, "entities": None, "flagged": False, "action": "none", "severity": "none"}
    return row(number, "", 0, 0, status="skipped", status_reason="empty", date=date) | nothing


def published(output: Path, rows: list[dict[str, Any]], run_id: str = "20260105T000000Z-abcdef", **changes: Any) -> str:
    """Writes labelled files and a manifest; returns the run's id."""
    files = []
    for date in sorted({one["date"] for one in rows}):
        path = output / "labelled" / f"date={date}" / f"{run_id}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        mine = [
            {name: one.get(name) for name in SCHEMA.names} | {"run_id": run_id} for one in rows if one["date"] == date
        ]
        pq.write_table(pa.Table.from_pylist(mine, schema=SCHEMA), path)
        said = {"path": str(path.relative_to(output)), "size": path.stat().st_size, "rows": len(mine)}
        files.append(said | {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()})
    manifest = Manifest(
        run_id,
        datetime(2026, 1, 5, tzinfo=UTC).isoformat(),
        "published",
        finished=datetime(2026, 1, 5, 0, 1, tzinfo=UTC).isoformat(),
        versions={"python": "3.11"},
        inputs=[{"uri": "file:///dumps/comments.parquet", "rows": len(rows), "size": 1, "sha256": run_id}],
        model=MODEL,
        policy={"source": "default", "policy_id": "p" * 16, "thresholds": {}, "rules": [],
                "flagged": {"action": "review", "severity": "low"}},
        counts=counts(rows),
        validation={"success": True, "checks": 3, "failures": [], "notes": []},
        published=files,
        **changes,
    )  # fmt: skip
    (output / "runs" / run_id).mkdir(parents=True)
    manifest.write(output / "runs" / run_id)
    return run_id


MODEL: dict[str, Any] = {
    "model_id": "m" * 16,
    "models": [
        {
            "source": "a-model-that-is-not-here",
            "model_id": "m" * 16,
            "calibrated_by": None,
            "labels": list(LABELS),
            "entity_types": ["PER", "LOC"],
            "outputs": list(LABELS),
            "tags": ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"],
            "activation": "sigmoid",
            "max_tokens": 256,
            "overlap": 64,
            "thresholds": THRESHOLDS,
            "calibration": {},
        }
    ],
}


def counts(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """What the manifest counts, by plain Python."""
    status = [one["status"] for one in rows]
    return {
        "rows_in": len(rows),
        "other_dates": 0,
        "quarantined": 0,
        "scored": status.count("scored"),
        "skipped": status.count("skipped"),
        "failed": status.count("failed"),
        "flagged": sum(one["flagged"] for one in rows),
        "labels": {label: sum(label in (one["labels"] or []) for one in rows) for label in LABELS},
        "entities": {},
        "actions": {"review": sum(one["flagged"] for one in rows)},
    }
