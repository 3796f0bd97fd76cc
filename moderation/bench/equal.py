"""Equal answers first: peers whose answers differ are not compared in speed."""

import sys
from typing import Any

import numpy as np

from moderation.models.spec import ModelSpec

REFERENCE = "engine_fp32"
TOLERANCE = 1e-3  # largest difference of a probability, in fp32
CHANGED = 0.02  # largest share of decisions (a label of a text) that change, in any precision
FREE = ("onnxruntime_int8",)  # its quantisation is what it is: reported, and no reason to stop


def compare(found: dict[str, np.ndarray], fits: np.ndarray, spec: ModelSpec) -> dict[str, Any]:
    """Compares probabilities [texts, labels] with fp32's on the texts that fit one window (`fits`): of longer ones
    most peers read only the first."""
    thresholds = np.array([spec.thresholds[label] for label in spec.labels])
    reference = found[REFERENCE][fits]
    peers = {name: difference(rows[fits], reference, thresholds) for name, rows in found.items()}
    unequal = [name for name, figures in peers.items() if name not in FREE and not within(name, figures)]
    return {"equal": bool(fits.any()) and not unequal, "texts": int(fits.sum()), "unequal": unequal, "peers": peers}


def difference(rows: np.ndarray, reference: np.ndarray, thresholds: np.ndarray) -> dict[str, float | None]:
    """The largest difference of a probability, None where one is no number, and the share of changed decisions."""
    largest = float(np.abs(rows - reference).max(initial=0))  # NaN stays NaN
    changed = (rows >= thresholds) != (reference >= thresholds)
    return {
        "largest_difference": largest if np.isfinite(largest) else None,
        "changed_decisions": float(changed.mean()) if changed.size else 0.0,
    }


def within(name: str, figures: dict[str, float | None]) -> bool:
    """Whether a peer's answers are near enough to fp32's for its precision."""
    largest, changed = figures["largest_difference"], figures["changed_decisions"]
    rounded = "bf16" in name or "int8" in name  # peers that name no precision run in fp32
    return largest is not None and (rounded or largest <= TOLERANCE) and (changed or 0) <= CHANGED


def stop_unless_equal(answers: dict[str, Any]) -> None:
    """Ends the program with exit code 1 where answers differ."""
    if not answers["equal"]:
        found = {name: answers["peers"][name] for name in answers["unequal"]} or "no text fits one window"
        sys.exit(f"benchmark failed: answers are not equal, so speeds are not compared: {found}")
