"""A made-up dump and STAND-IN scores for it: random numbers where a model's answers would be.

They go through the product's own commit into the score store, so that a run finds every shard scored and all that is
left to it is what a pipeline costs without a model.
"""

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from moderation.bench.texts import generate
from moderation.config import Config
from moderation.models.panel import Panel, find_panel
from moderation.runs.inputs import find_inputs
from moderation.runs.keys import scores_key
from moderation.runs.shards import Shard, shards_of
from moderation.runs.store import Store, commit
from moderation.text.digest import text_digest

MONTH = int(datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC).timestamp())
MONTH_SECONDS = 31 * 24 * 3600
FILE_ROWS = 250_000
GROUP_ROWS = 50_000
ABOUT = {"stand_in": "random numbers, no model's answers"}


def write_dump(folder: Path, rows: int) -> None:
    """A month of comments with Reddit's lengths and columns, in order of time, no two alike."""
    texts = generate(10_000)
    folder.mkdir(parents=True)
    for number, start in enumerate(range(0, rows, FILE_ROWS)):
        known = range(start, min(start + FILE_ROWS, rows))
        columns = {
            "id": [f"t1_{row:x}" for row in known],
            "author": [f"author_{row * 7919 % 50_000}" for row in known],
            "subreddit": [f"subreddit_{row * 104_729 % 2_000}" for row in known],
            "body": [f"{texts[row % len(texts)]} {row:x}" for row in known],
            "created_utc": [MONTH + row * MONTH_SECONDS // rows for row in known],
            "score": [row % 40 - 5 for row in known],
            "parent_id": [f"t1_{row * 3 // 4:x}" for row in known],
            "link_id": [f"t3_{row // 30:x}" for row in known],
        }
        parquet.write_table(
            pa.table(columns), folder / f"comments-{number:03d}.parquet", row_group_size=GROUP_ROWS, compression="zstd"
        )


def write_scores(config: Config) -> int:
    """Fills the score store of the config's output with stand-in scores for its input; returns the bytes written."""
    from moderation.spark.schema import stored_schema

    panel, files = find_panel(config.models), find_inputs(config.input, config.columns)
    store, schema = Store(config.output.resolve(), scores_key(config, panel)), stored_schema(panel)
    for shard in shards_of(files):
        commit(store, shard, schema, answers(shard, panel, schema), ABOUT, {})
    return sum(path.stat().st_size for path in store.folder.rglob("*.parquet"))


def answers(shard: Shard, panel: Panel, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Stand-in scores for a shard: most rows harmless, a fifth with an entity, the digests those of the texts."""
    bodies = parquet.read_table(shard.path, columns=["body"])["body"].slice(shard.start, shard.stop - shard.start)
    random, rows = np.random.default_rng(shard.start), len(bodies)
    columns: dict[str, Any] = {
        "text_sha256": [text_digest(body) for body in bodies.to_pylist()],
        "status": pa.repeat("scored", rows),
        "status_reason": pa.nulls(rows, pa.string()),
        "scores": pa.StructArray.from_arrays(
            [pa.array(random.random(rows, np.float32) ** 64) for _ in panel.labels], list(panel.labels)
        ),
        "entities": entities(random.random(rows) < 0.2, panel, schema.field("entities").type),
        "evidence": pa.nulls(rows, schema.field("evidence").type),
        "token_count": pa.array(random.integers(1, 80, rows), pa.int32()),
        "window_count": pa.repeat(pa.scalar(1, pa.int32()), rows),
        "model_id": pa.repeat(panel.model_id, rows),
    }
    made = [pa.array(columns[field.name], field.type) for field in schema]
    yield pa.RecordBatch.from_arrays(made, schema=schema)


def entities(has: np.ndarray, panel: Panel, kind: pa.ListType) -> pa.ListArray:
    """The first letter of the texts as an entity."""
    count = int(has.sum())
    offsets = np.concatenate([[0], np.cumsum(has)]).astype(np.int32)
    known: dict[str, Any] = {
        "start": pa.repeat(pa.scalar(0, pa.int32()), count),
        "end": pa.repeat(pa.scalar(1, pa.int32()), count),
        "type": pa.repeat(panel.entity_types[0], count),
        "score": pa.repeat(pa.scalar(0.9, pa.float32()), count),
    }
    items = pa.StructArray.from_arrays([known[field.name] for field in kind.value_type], fields=list(kind.value_type))
    return pa.ListArray.from_arrays(pa.array(offsets), items)
