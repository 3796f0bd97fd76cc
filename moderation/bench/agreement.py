"""How far the answers of the engine's precisions are apart on many texts."""

from typing import Any

import numpy as np

from moderation.bench.peers import EnginePeer
from moderation.bench.progress import Progress
from moderation.inference.scored import Scored
from moderation.inference.spans import Spans
from moderation.models.spec import ModelSpec


def measure(
    peers: dict[str, EnginePeer], texts: list[str], spec: ModelSpec, progress: Progress, guesses: dict[str, float]
) -> dict[str, Any]:
    """Scores the texts in every precision that is there and compares each with `engine_fp32`."""
    found: dict[str, Scored] = {}
    for name, peer in peers.items():
        with progress.step(f"agreement on {len(texts):,} texts: {name}", guesses[name]):
            found[name.removeprefix("engine_")] = peer.engine.score(texts)
    reference = found.pop("fp32")
    return {"texts": len(texts), **{name: compare(reference, scored, spec) for name, scored in found.items()}}


def compare(reference: Scored, scored: Scored, spec: ModelSpec) -> dict[str, float]:
    """Differences of probabilities, and shares of decisions (a label of a text), texts and spans. A row that only one
    of the two has scored counts as changed and as far apart as can be."""
    thresholds = np.array([spec.thresholds[label] for label in spec.labels])
    either = np.isfinite(reference.scores).any(axis=1) | np.isfinite(scored.scores).any(axis=1)
    left, right = reference.scores[either], scored.scores[either]
    apart = np.nan_to_num(np.abs(left.astype(np.float64) - right), nan=1.0)
    changed = ((left >= thresholds) != (right >= thresholds)) | (np.isnan(left) != np.isnan(right))
    same, all_spans, other_texts = shared_spans(reference.spans, scored.spans)
    figures = {
        "largest_difference": apart.max(initial=0),
        "p999_difference": np.quantile(apart, 0.999) if apart.size else 0,
        "changed_decisions": changed.mean() if changed.size else 0,
        "changed_texts": changed.any(axis=1).mean() if changed.size else 0,
        "equal_spans": same / all_spans if all_spans else 1,
        "texts_with_equal_spans": 1 - other_texts / max(1, int(either.sum())),
    }
    return {name: round(float(value), 6) for name, value in figures.items()} | {"spans": all_spans}


def shared_spans(first: Spans, second: Spans) -> tuple[int, int, int]:
    """How many spans both have, how many there are in all, and in how many texts they differ; equal are text, start,
    end and type."""
    left, right = ({row[:4] for row in spans.rows()} for spans in (first, second))
    return len(left & right), len(left | right), len({row[0] for row in left ^ right})
