"""The shares that a run is judged by, read from its manifest, and the earlier runs they are compared with."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from moderation.config import GateSettings
from moderation.quality.bands import Band, Share, band, highest

Manifest = Mapping[str, Any]  # as it stands in runs/<run_id>/manifest.json
LIMITS = {"quarantined": "max_quarantined", "skipped": "max_skipped", "failed": "max_failed"}


@dataclass(frozen=True)
class Measured:
    """A share of this run and what it is held against; there is no band before there are enough earlier runs."""

    share: Share
    known_runs: int
    limit: float | None
    band: Band | None

    @property
    def found(self) -> str:
        """The share in words, with its counts."""
        return f"{percent(self.share.value or 0)} ({self.share.count:,} of {self.share.rows:,} rows)"


def shares(manifest: Manifest) -> dict[str, Share]:
    """Name → share; `label …` and `entity …` are of the scored rows, `quarantined` of all that were read."""
    counts = manifest.get("counts") or {}
    if "scored" not in counts:  # it ended before its rows were counted
        return {}
    rows = counts["scored"] + counts["skipped"] + counts["failed"]
    found = {"quarantined": Share(counts["quarantined"], rows + counts["quarantined"])}
    found |= {name: Share(counts[name], rows) for name in ("skipped", "failed", "flagged")}
    found |= {f"label {name}": Share(count, counts["scored"]) for name, count in counts["labels"].items()}
    entities = counts.get("entity_rows") or {}  # older manifests lack it
    return found | {f"entity {name}": Share(count, counts["scored"]) for name, count in entities.items()}


def decided_by(manifest: Manifest, name: str) -> Hashable:
    """What a share depends on beside the comments: runs are compared where this is the same.

    A label depends on its models and on its own threshold, entities on the models, what is flagged on the whole policy
    as well; what is quarantined, skipped or failed depends on the comments alone.
    """
    model, policy = manifest.get("model") or {}, manifest.get("policy") or {}
    kind, _, label = name.partition(" ")
    if kind == "label":
        own = {key: limit for one in model.get("models", []) for key, limit in one.get("thresholds", {}).items()}
        return model.get("model_id"), (own | policy.get("thresholds", {})).get(label)
    if kind == "entity":
        return model.get("model_id")
    return (model.get("model_id"), policy.get("policy_id")) if kind == "flagged" else None


def earlier(manifests: Sequence[Manifest], now: Manifest) -> list[Manifest]:
    """Published runs before this one, newest first; of several runs over the same comments the newest only."""
    found: dict[Hashable, Manifest] = {}
    for manifest in sorted(manifests, key=lambda one: str(one.get("run_id")), reverse=True):
        if manifest.get("status") == "published" and manifest.get("run_id") != now.get("run_id"):
            found.setdefault(comments_of(manifest), manifest)
    return list(found.values())


def comments_of(manifest: Manifest) -> Hashable:
    """Which comments a run was over: its files' digests, and the day that it took of them."""
    files = frozenset(str(entry.get("sha256")) for entry in manifest.get("inputs") or [])
    return files, (manifest.get("config") or {}).get("date")


def measure(now: Manifest, manifests: Sequence[Manifest], settings: GateSettings) -> dict[str, Measured]:
    """Every share of this run with its limit and, where enough earlier runs can be compared, its band."""
    current, before = shares(now), earlier(manifests, now)
    known = [(manifest, shares(manifest)) for manifest in before]
    chance = settings.false_alarms / max(1, len(current))  # Bonferroni: the chance is that of the whole run
    found = {}
    for name, share in current.items():
        basis = decided_by(now, name)
        comparable = [one[name] for manifest, one in known if name in one and decided_by(manifest, name) == basis]
        history = [one for one in comparable if one.rows][: settings.history]
        enough = len(history) >= settings.min_runs and share.rows > 0
        limit = getattr(settings, LIMITS[name]) if name in LIMITS else None
        found[name] = Measured(
            share,
            len(history),
            None if limit is None else highest(limit, share.rows),
            band(history, share.rows, chance, settings.tolerance) if enough else None,
        )
    return found


def notes(measured: Mapping[str, Measured], settings: GateSettings) -> tuple[str, ...]:
    """Which shares have no band yet, and how many runs are missing; empty where all are compared."""
    lacking: dict[int, list[str]] = {}
    for name, one in measured.items():
        if one.band is None and one.share.rows:
            lacking.setdefault(one.known_runs, []).append(name)
    return tuple(
        f"baseline: {runs} of {settings.min_runs} runs for {', '.join(names)}"
        + (" (these models, thresholds and rules have published nothing else here)" if runs == 0 else "")
        for runs, names in sorted(lacking.items())
    )


def percent(value: float) -> str:
    """A share for people: two digits after the point, more where it is small."""
    return f"{value:.2%}" if value >= 0.001 or value == 0 else f"{value:.4%}"
