"""What the driver alone does for every shard and file of a run: where a very large run would break first.

`python benchmarks/driver_cost.py` from a checkout; no Spark is started. It makes the shards of inputs of 1,000,000 rows
a file, pickles them as every Spark task gets them, asks a score store of real files what is missing,
and writes and reads a manifest of as many published files. Seconds, bytes and the driver's memory, for each number of
shards.
"""

import argparse
import json
import pickle
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa

sys.path.insert(0, str(Path(__file__).parents[1]))

from moderation.runs.manifest import Manifest, read_manifests
from moderation.runs.shards import Shard, bounds
from moderation.runs.store import Store, commit, missing
from moderation.text.digest import text_digest

R = TypeVar("R")
FILE_ROWS = 1_000_000
MOST_STORED = 600  # store files that are really made: a file costs the same whatever their number


def main() -> None:
    """Prints a table, and with --json one object as the last line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shards", default="600,6000,300000")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = [measure(int(count)) for count in options.shards.split(",")]
    for one in found:
        print("  ".join(f"{name} {value:,}" for name, value in one.items()))
    if options.json:
        print(json.dumps(found))


def measure(count: int) -> dict[str, Any]:
    """One number of shards."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    listing, shards = timed(lambda: made_up(count))
    dumping, pickled = timed(lambda: pickle.dumps(shards))
    loading, _ = timed(lambda: pickle.loads(pickled))  # our own bytes of a moment ago
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    folder = Path(tempfile.mkdtemp(prefix="driver-cost-"))
    try:
        asking, stored = in_store(folder, shards[:MOST_STORED])
        writing, reading, size = manifest(folder, shards)
    finally:
        shutil.rmtree(folder)
    return {
        "shards": count,
        "list_seconds": listing,
        "pickle_seconds": dumping,
        "unpickle_seconds": loading,
        "pickle_bytes": len(pickled),
        "driver_kilobytes": grown,
        "store_ms_per_shard": round(asking / stored * 1e3, 3),
        "manifest_bytes": size,
        "manifest_write_seconds": writing,
        "manifest_read_seconds": reading,
    }


def timed(work: Callable[[], R]) -> tuple[float, R]:
    """Seconds, and what came of it."""
    started = time.perf_counter()
    result = work()
    return round(time.perf_counter() - started, 3), result


def made_up(count: int) -> list[Shard]:
    """The shards of as many files as give that number."""
    per_file = list(bounds(FILE_ROWS))
    return [
        Shard(
            path,
            f"file://{path}",
            text_digest(path)[:16],
            text_digest(f"{path}!"),
            FILE_ROWS,
            10**8,
            10**18,
            (),
            *edges,
        )
        for number in range(-(-count // len(per_file)))
        for path in [f"/mnt/moderation/comments/date=2024-01-{number % 31 + 1:02d}/part-{number:06d}.parquet"]
        for edges in per_file
    ][:count]


def in_store(folder: Path, shards: list[Shard]) -> tuple[float, int]:
    """Seconds in which the store is asked for shards that it has: their footers are read. They have but one column."""
    store, schema = Store(folder, "key"), pa.schema({"status": pa.null()})
    for shard in shards:
        rows = pa.RecordBatch.from_arrays([pa.nulls(shard.stop - shard.start)], schema=schema)
        commit(store, shard, schema, [rows], {}, {})
    seconds, wanted = timed(lambda: missing(store, shards))
    assert not wanted
    return seconds, len(shards)


def manifest(folder: Path, shards: list[Shard]) -> tuple[float, float, int]:
    """Seconds to write and read a manifest with an input for each file, and a published file for each; its bytes."""
    files = {shard.path: shard for shard in shards}.values()
    inputs = [
        {"uri": one.uri, "root": one.uri, "key": one.key, "rows": one.rows, "sha256": one.sha256} for one in files
    ]
    published = [
        {"path": f"labelled/date=2024-01-01/{one.key}-run-00000.parquet", "rows": 1, "size": 1, "sha256": one.sha256}
        for one in files
    ]
    run = folder / "runs" / "run"
    run.mkdir(parents=True)
    writing, _ = timed(lambda: Manifest("run", "", inputs=inputs, published=published).write(run))
    reading, _ = timed(lambda: read_manifests(folder))
    return writing, reading, (run / "manifest.json").stat().st_size


if __name__ == "__main__":
    main()
