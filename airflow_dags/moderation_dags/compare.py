"""Is a retrained model better than the one in use? By the figures of `moderation evaluate --json`, with intervals."""

import json
import os
from pathlib import Path
from typing import Any

LABEL_FIGURE, ENTITY_FIGURE = "average_precision", "f1"


def compare(current: dict[str, Any], candidate: dict[str, Any]) -> dict[str, Any]:
    """The verdict over both models' figures of the same held-out rows.

    The candidate is promoted where at least one figure lies above the interval of the current model's, and none lies
    below it; what the candidate cannot judge any more, or has too few rows to tell of, stands in its way.
    """
    before, after = figures(current), figures(candidate)
    lines = [judged(name, before[name], after.get(name)) for name in before]
    better = [line["figure"] for line in lines if line["verdict"] == "better"]
    worse = [line["figure"] for line in lines if line["verdict"] in ("worse", "missing")]
    reason = (
        f"worse or missing: {', '.join(worse)}"
        if worse
        else f"better: {', '.join(better)}"
        if better
        else "no figure is better by more than its interval"
    )
    return {"promote": bool(better) and not worse, "reason": reason, "figures": lines}


def figures(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The figures that are compared, by name: average precision of each label, F1 of each entity type."""
    labels = {f"{label} {LABEL_FIGURE}": found.get(LABEL_FIGURE) for label, found in report["labels"].items()}
    entities = {f"{kind} {ENTITY_FIGURE}": found.get(ENTITY_FIGURE) for kind, found in report["entities"].items()}
    return {name: found for name, found in (labels | entities).items() if found and found["value"] is not None}


def judged(name: str, before: dict[str, Any], after: dict[str, Any] | None) -> dict[str, Any]:
    """One figure of both models, and what follows from it."""
    low, high = before["interval"]
    if after is None:
        verdict = "missing"
    elif after["value"] > high:
        verdict = "better"
    else:
        verdict = "worse" if after["value"] < low else "equal"
    return {"figure": name, "current": before, "candidate": after, "verdict": verdict}


def abilities(model: Path) -> set[str]:
    """The labels and entity types of a model folder."""
    spec = json.loads((model / "config.json").read_text(encoding="utf-8"))["moderation"]
    return {*spec["labels"], *spec["entity_types"]}


def point(link: Path, model: Path) -> None:
    """Has the link name another model, in one step: a reader finds the old one or the new one."""
    scratch = link.with_name(f".{link.name}.new")
    scratch.unlink(missing_ok=True)
    scratch.symlink_to(os.path.relpath(model, link.parent))
    scratch.replace(link)
