"""The frame that a sample is drawn from: a run's labelled rows in Spark, and their sums by stratum in numpy."""

from collections import defaultdict
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from moderation.audit.allocate import Frame
from moderation.audit.design import Stratum
from moderation.audit.published import labelled_files
from moderation.audit.strata import BAND, LEADING, SLICE, Scheme
from moderation.errors import UsageError
from moderation.spark.paths import literal
from moderation.text.digest import text_digest

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame, SparkSession

MOST_STRATA = 2000


def read_frame(spark: "SparkSession", output: Path, manifest: dict[str, Any]) -> "DataFrame":
    """The labelled rows that a run published, wherever its files are, with the partition column `date`."""
    folders = defaultdict(list)
    for file in labelled_files(output, manifest):
        folders[file.parents[1]].append(literal(file))
    if not folders:
        raise UsageError(f"run {manifest['run_id']}: published no labelled rows, so there is nothing to audit")
    reads = [spark.read.option("basePath", literal(root)).parquet(*files) for root, files in folders.items()]
    return reduce(lambda one, other: one.unionByName(other, allowMissingColumns=True), reads)


def frame_digest(manifest: dict[str, Any]) -> str:
    """Digest of the names and contents of a run's labelled files."""
    entries = [f"{one['path']} {one['sha256']}" for one in manifest["published"] if one["path"].startswith("labelled/")]
    return text_digest("\n".join(sorted(entries)))


def sums(counted: "pd.DataFrame", labels: list[str]) -> Frame:
    """What `strata.aggregates` counted, as arrays; the strata in the order of the table."""
    columns = {
        part: np.stack([counted[f"{part}_{number}"].to_numpy(np.float64) for number in range(len(labels))], axis=1)
        for part in ("given", "expected", "both")
    }
    return Frame(counted["rows"].to_numpy(np.int64), columns["given"], columns["expected"], columns["both"])


def strata_of(counted: "pd.DataFrame", made: Scheme, labels: list[str], sizes: np.ndarray) -> list[Stratum]:
    """The strata as the design keeps them; `counted` has every label of the run, in the order of `labels`."""
    return [
        Stratum(
            name=row["stratum"],
            leading=row[LEADING],
            band=row[BAND],
            action=row["action"],
            slices={name: row[f"{SLICE}{number}"] for number, name in enumerate(made.slices)},
            rows=int(row["rows"]),
            drawn=int(size),
            given={label: int(row[f"given_{number}"]) for number, label in enumerate(labels)},
        )
        for row, size in zip(counted.to_dict("records"), sizes, strict=True)
    ]


def check_strata(counted: "pd.DataFrame", least: int, most: int | None, run_id: str) -> None:
    """Refuses a run without scored rows, and more strata than a sample can have."""
    if not len(counted):
        raise UsageError(f"run {run_id}: has no row with a score, so there is nothing to audit")
    if len(counted) > MOST_STRATA:
        raise UsageError(f"the slices make {len(counted):,} strata, and {MOST_STRATA:,} is the most: leave one out")
    needed = int(np.minimum(counted["rows"], least).sum())
    if most is not None and needed > most:
        raise UsageError(
            f"--size {most}: {len(counted)} strata take {needed} rows at {least} each; raise it, or leave slices out"
        )
