"""Writes an output with one published run of made-up rows, for audits of any size: no text of anybody's, no model.

    python benchmarks/audit_frame.py --output OUT --rows 10000000

Scores are drawn so that they are calibrated; what is true of a row is drawn from its score (or from a score that is
wrong on purpose) by a hash of its id, so that a simulated reviewer can say it without a table of answers.
"""

import argparse
import datetime
import json
import secrets
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from moderation.runs.manifest import Manifest
from moderation.text.digest import file_digest

LABELS = {"toxicity": (0.5, -4.0), "insult": (0.5, -5.0), "threat": (0.3, -8.0)}  # threshold, mean of the logits
SPREAD = 2.5
FORUMS = ("politics", "aww", "gaming", "de", "askscience")
PART = 250_000  # rows of a file
DAYS = 4
WORDS = "you are this that never again really think about people game cat dog vote win lose idiot".split()  # noqa: SIM905


def write_run(output: Path, rows: int, seed: int = 1, texts: int = 1000) -> str:
    """Writes the labelled files and the manifest of a published run; returns its id."""
    random = np.random.default_rng(seed)
    now = datetime.datetime.now(datetime.UTC)
    run_id = f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
    bodies = np.array([" ".join(random.choice(WORDS, 12)) for _ in range(texts)], dtype=object)
    entries = []
    for number, start in enumerate(range(0, rows, PART)):
        day = f"2026-01-{number % DAYS + 1:02d}"
        path = f"labelled/date={day}/{'a' * 16}-{run_id}-{number // DAYS:05d}.parquet"
        target = output / path
        target.parent.mkdir(parents=True, exist_ok=True)
        parquet.write_table(table(random, start, min(PART, rows - start), bodies, run_id), target, compression="zstd")
        size = target.stat().st_size
        entries.append({"path": path, "rows": min(PART, rows - start), "size": size, "sha256": file_digest(target)})
    manifest(run_id, now, entries).write(folder(output, run_id))
    return run_id


def folder(output: Path, run_id: str) -> Path:
    """The run's folder."""
    made = output / "runs" / run_id
    made.mkdir(parents=True)
    return made


def table(random: np.random.Generator, start: int, rows: int, bodies: np.ndarray, run_id: str) -> pa.Table:
    """Labelled rows as a run publishes them; one in a hundred has no text, one in a thousand could not be scored."""
    common = random.standard_normal(rows)
    logits = {
        name: mean + SPREAD * (0.6 * common + 0.8 * random.standard_normal(rows)) for name, (_, mean) in LABELS.items()
    }
    scores = {name: (1 / (1 + np.exp(-logit))).astype(np.float32) for name, logit in logits.items()}
    chance = random.random(rows)
    status = np.where(chance < 0.01, "skipped", np.where(chance < 0.011, "failed", "scored")).astype(object)
    blank = status != "scored"
    hits = {name: (scores[name].astype(np.float64) >= limit) & ~blank for name, (limit, _) in LABELS.items()}
    flagged = np.any(list(hits.values()), axis=0)
    ids = np.char.add("c", np.arange(start, start + rows).astype(str))
    return pa.table(
        {
            "id": pa.array(ids),
            "body": pa.array(bodies[random.integers(len(bodies), size=rows)]),
            "subreddit": pa.array(np.array(FORUMS, dtype=object)[random.integers(len(FORUMS), size=rows)]),
            "status": pa.array(status),
            "scores": pa.StructArray.from_arrays(
                [pa.array(scores[name]) for name in LABELS], names=list(LABELS), mask=pa.array(blank)
            ),
            "labels": labels_column(hits),
            "flagged": pa.array(flagged),
            "entities": pa.array([[]] * rows, ENTITIES),
            "action": pa.array(np.where(hits["threat"], "remove", np.where(flagged, "review", "none")).astype(object)),
            "run_id": pa.array([run_id] * rows),
        }
    )


ENTITIES = pa.list_(
    pa.struct(
        [
            ("start", pa.int32()),
            ("end", pa.int32()),
            ("type", pa.string()),
            ("text", pa.string()),
            ("score", pa.float32()),
        ]
    )
)


def labels_column(hits: dict[str, np.ndarray]) -> pa.Array:
    """The labels of each row as a list."""
    matrix = np.stack(list(hits.values()), axis=1)
    offsets = np.concatenate([[0], np.cumsum(matrix.sum(axis=1))]).astype(np.int32)
    names = np.array(list(hits), dtype=object)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(names[np.nonzero(matrix)[1]], pa.string()))


def manifest(run_id: str, now: datetime.datetime, entries: list[dict[str, Any]]) -> Manifest:
    """The manifest of the made-up run: what an audit reads of one."""
    limits = {name: limit for name, (limit, _) in LABELS.items()}
    model = {"model_id": "made-up", "models": [{"labels": list(LABELS), "entity_types": [], "thresholds": limits}]}
    moment = now.isoformat(timespec="seconds")
    made = Manifest(run_id, moment, "published", moment, model=model, policy={"policy_id": "made-up"})
    made.published = entries
    return made


def main() -> None:
    """Writes the run and says which it is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    print(json.dumps({"run_id": write_run(given.output, given.rows, given.seed), "rows": given.rows}))


if __name__ == "__main__":
    main()
