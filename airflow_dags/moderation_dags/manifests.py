"""Reads the runs' manifests, which are JSON, with the standard library alone."""

import json
from pathlib import Path
from typing import Any


def newest_run(output: Path, tag: str) -> dict[str, Any] | None:
    """The newest run that carries this tag; None where none does."""
    for path in sorted((output / "runs").glob("*/manifest.json"), reverse=True):
        manifest = json.loads(path.read_text(encoding="utf-8"))
        if manifest["config"].get("tag") == tag:
            return dict(manifest)
    return None


def facts(manifest: dict[str, Any], output: Path) -> dict[str, Any]:
    """What a downstream DAG wants to know of a published run: the Asset's extra."""
    counts = manifest["counts"]
    scored = counts.get("scored", 0)
    rates = {name: round(count / scored, 6) for name, count in counts.get("labels", {}).items()} if scored else {}
    return {
        "run_id": manifest["run_id"],
        "date": manifest["config"].get("date"),
        "counts": {name: counts.get(name, 0) for name in ("rows_in", "scored", "skipped", "failed", "quarantined")},
        "flagged": counts.get("flagged", 0),
        "flag_rate": round(counts.get("flagged", 0) / scored, 6) if scored else None,
        "flag_rates": rates,
        "manifest": str(output / "runs" / manifest["run_id"] / "manifest.json"),
        "data_docs": manifest.get("validation", {}).get("docs"),
    }
