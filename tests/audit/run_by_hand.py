"""A published run written by hand, through the real publication, with ids and texts that make trouble."""

from pathlib import Path
from typing import Any

from moderation.config import Config
from moderation.runs.manifest import Manifest
from moderation.runs.publish import Scope, publish
from moderation.runs.run import Run
from tests.dumps import write_dump

LABELS = ("offensive", "toxicity", "obscene", "threat", "insult")
DAYS = ("2026-01-05", "2026-01-06")


def labelled(number: int, day: str, **changes: Any) -> dict[str, Any]:
    """A labelled row; every third is flagged, every sixth also for a threat."""
    flagged, threat = number % 3 == 0, number % 6 == 0
    scores = {name: round(0.1 + (number * (3 + at) % 50) / 100, 3) for at, name in enumerate(LABELS)}
    scores |= {"insult": 0.9} if flagged else {}
    return {
        "id": f"t1_{day[-2:]}{number}",
        "body": f"text {number}, <b>&\"' \u202e 🙈",
        "status": "scored",
        "scores": scores | ({"threat": 0.8} if threat else {}),
        "labels": (["threat"] if threat else []) + (["insult"] if flagged else []),
        "flagged": flagged,
        "action": "remove" if threat else "limit" if flagged else "none",
        "severity": "high" if threat else "low" if flagged else "none",
        "rules": ["threat"] if threat else [],
        "model_id": "m" * 12,
        "policy_id": "p" * 12,
    } | changes


def published(output: Path, rows: dict[str, list[dict[str, Any]]] | None = None, per_day: int = 12) -> Manifest:
    """Publishes labelled rows of some days as a finished run."""
    rows = rows or {day: [labelled(number, day) for number in range(per_day)] for day in DAYS}
    with Run(Config(output=output)) as run:
        for day, made in rows.items():
            write_dump(run.staging / f"labelled/date={day}/input_key={'a' * 16}/part-0.parquet", made)
        model = {"labels": list(LABELS), "entity_types": [], "thresholds": dict.fromkeys(LABELS, 0.5)}
        run.manifest.model = {"models": [model]}
        publish(run.output, run.staging, run.folder, Scope(frozenset({"a" * 16}), None), run.manifest)
    return run.manifest
