"""Manifests of runs that were published, as far as the gate reads them."""

from typing import Any

Manifest = dict[str, Any]
LABELS = {"toxic": 0.02, "threat": 0.005}


def manifest(number: int, rows: int = 10_000, factor: float = 1.0, **changes: Any) -> Manifest:
    """Run `number`, over comments of its own; `factor` times the usual share of its rows have labels."""
    labels = {name: round(rows * share * factor) for name, share in LABELS.items()}
    counts = {
        "rows_in": rows,
        "other_dates": 0,
        "quarantined": rows // 200,
        "scored": rows,
        "skipped": rows // 12,
        "failed": 0,
        "flagged": sum(labels.values()),
        "labels": labels,
        "entity_rows": {"PER": rows // 10},
    }
    made = {
        "run_id": f"20261122T{number:06d}Z-abcdef",
        "started": "2026-11-22T00:00:00+00:00",
        "status": "published",
        "inputs": [{"uri": f"file:///{number}", "sha256": f"{number}"}],
        "model": {"model_id": "m", "models": [{"thresholds": {"toxic": 0.5, "threat": 0.5}}]},
        "policy": {"policy_id": "p", "thresholds": {}},
        "config": {"date": None},
        "counts": counts,
        "validation": {"failures": [], "notes": []},
    }
    return made | changes
