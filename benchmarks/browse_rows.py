"""How quickly the rows of a run are found: a made-up published run, its index, and the questions of docs/browse.md.

    python -m benchmarks.browse_rows --output OUT --rows 10000000

An output that has a run already is asked again. Rows are those of audit_frame.py with longer texts, names, rules and
3,000 subreddits of Zipf's sizes. Every question is asked three times, with the counts made anew; the slowest is shown.
"""

import argparse
import time
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks import audit_frame
from moderation.audit.published import find_run
from moderation.review.browse_filter import Filter
from moderation.review.browse_index import make_index
from moderation.review.browse_query import Index, facets, open_index
from moderation.review.browse_rows import page_of

TYPES, SHARES = ("PER", "LOC", "ORG", "MISC"), (0.6, 0.3, 0.09, 0.01)
RULES = ("threat_named", "insult_high")
SUBREDDITS = 3000
QUESTIONS = {
    "flagged rows": Filter(),
    "all rows": Filter(flagged="any"),
    "a label": Filter(label=("insult",)),
    "a rare label": Filter(label=("threat",)),
    "a rare rule": Filter(rule=("insult_high",)),
    "two labels and a rare rule": Filter(label=("insult", "toxicity"), rule=("insult_high",)),
    "a rare entity type": Filter(entity=("MISC",)),
    "a subreddit": Filter(subreddit="sub7"),
    "a small subreddit": Filter(subreddit="sub2500", flagged="any"),
    "a score band": Filter(score="insult:0.45-0.55", flagged="any"),
    "a rare score band": Filter(score="threat:0.9-1"),
    "a week": Filter(from_="2026-01-10", to="2026-01-16", flagged="any"),
    "four filters": Filter(label=("insult",), entity=("PER",), subreddit="sub3", score="insult:0.6-0.9"),
    "the highest of a score, flagged": Filter(sort="threat"),
    "the highest of a score, of all": Filter(sort="toxicity", flagged="any"),
}


def write_run(output: Path, rows: int, texts: int = 100_000) -> str:
    """Writes the run over 31 days; returns its id."""
    plain = audit_frame.table

    def table(random: np.random.Generator, start: int, count: int, bodies: np.ndarray, run_id: str) -> pa.Table:
        return enriched(plain(random, start, count, bodies, run_id), random, bodies)

    def manifest(run_id: str, now: Any, entries: list[dict[str, Any]]) -> Any:
        made = plain_manifest(run_id, now, entries)
        made.model["models"][0]["entity_types"] = list(TYPES)
        made.policy["rules"] = [
            {"name": name, "when": "true", "action": "remove", "severity": "high"} for name in RULES
        ]
        return made

    plain_manifest = audit_frame.manifest
    with patch.multiple(audit_frame, table=table, manifest=manifest, DAYS=31):
        return audit_frame.write_run(output, rows, seed=5, texts=texts)


def enriched(rows: pa.Table, random: np.random.Generator, bodies: np.ndarray) -> pa.Table:
    """The rows with texts that are all different, names, rules and many subreddits."""
    count = rows.num_rows
    texts = pa.array(bodies)
    parts = [texts.take(pa.array(random.integers(len(texts), size=count))) for _ in range(2)]
    numbers = pa.array(random.integers(1 << 40, size=count).astype(str))
    sizes = 1 / np.arange(1, SUBREDDITS + 1)
    chosen = random.choice(SUBREDDITS, size=count, p=sizes / sizes.sum())
    fired = pc.equal(rows.column("action"), "remove").to_numpy()
    rules = np.array(RULES, dtype=object)[(random.random(int(fired.sum())) < 0.1).astype(int)]
    columns = {
        "body": pc.binary_join_element_wise(*parts, numbers, " "),
        "subreddit": pa.array(np.char.add("sub", chosen.astype(str))),
        "entities": names(random, random.random(count) < 0.15),
    }
    for name, column in columns.items():
        rows = rows.set_column(rows.column_names.index(name), name, column)
    return rows.append_column("rules", pa.ListArray.from_arrays(offsets(fired), pa.array(rules, pa.string())))


def names(random: np.random.Generator, there: np.ndarray) -> pa.Array:
    """One entity for each row that has any."""
    count = int(there.sum())
    fields = {
        "start": pa.array(np.zeros(count, np.int32)),
        "end": pa.array(np.full(count, 3, np.int32)),
        "type": pa.array(np.array(TYPES, dtype=object)[random.choice(len(TYPES), size=count, p=SHARES)]),
        "text": pa.array(["xxx"] * count),
        "score": pa.array(random.random(count).astype(np.float32)),
    }
    return pa.ListArray.from_arrays(offsets(there), pa.StructArray.from_arrays([*fields.values()], names=[*fields]))


def offsets(there: np.ndarray) -> pa.Array:
    """Offsets of lists of one value or none."""
    return pa.array(np.concatenate([[0], np.cumsum(there)]).astype(np.int32))


def measured(index: Index, wanted: Filter) -> tuple[int, float]:
    """The rows of a filter, and the slowest of three times for its page and its counts."""
    slowest = 0.0
    for _ in range(3):
        index.counted.clear()
        began = time.perf_counter()
        page_of(index, wanted)
        found = facets(index, wanted)
        slowest = max(slowest, time.perf_counter() - began)
    return found.rows, slowest


def main() -> None:
    """Writes the run where there is none, indexes it where it is not, and asks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=10_000_000)
    given = parser.parse_args()
    if not (given.output / "runs").is_dir():
        write_run(given.output, given.rows)
    began = time.perf_counter()
    made = make_index(given.output, "latest")
    print(f"index: {time.perf_counter() - began:.1f} s, {made['bytes'] / 1e6:,.0f} MB for {made['rows']:,} rows")
    index = open_index(given.output, find_run(given.output, "latest"))
    assert index is not None
    for name, wanted in QUESTIONS.items():
        rows, seconds = measured(index, wanted)
        print(f"{name:32} {rows:>12,} rows {seconds:7.3f} s")


if __name__ == "__main__":
    main()
