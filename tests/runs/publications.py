"""Publications without a Spark job: staged files as Spark leaves them, through the real run and the real publish."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pyarrow import parquet

from moderation.config import Config
from moderation.runs.manifest import Manifest
from moderation.runs.publish import Scope, publish, published_files
from moderation.runs.run import Run
from tests.dumps import write_dump

MONDAY, TUESDAY, WEDNESDAY = "2026-01-05", "2026-01-06", "2026-01-07"
Rows = Mapping[str, Mapping[str, int]]  # of each input key on each date


def publication(
    output: Path, rows: Rows, kind: str = "parquet", tree: str = "labelled", files: int = 1, **columns: Any
) -> Manifest:
    """Publishes so many rows of each input on each date; these inputs' earlier rows go. Each row names its run."""
    with Run(Config(output=output, publish={"format": kind})) as run:
        stage(run.staging / tree, rows, run.manifest.run_id, files, **columns)
        publish(run.output, run.staging, run.folder, Scope(frozenset(rows), None), run.manifest)
    return run.manifest


def stage(folder: Path, rows: Rows, run_id: str, files: int = 1, **columns: Any) -> None:
    """Writes staged files; each row says how many its run has for that input and date."""
    for key, days in rows.items():
        for day, count in days.items():
            made = [{"id": f"{key}{n}", "run_id": run_id, "rows": count} | columns for n in range(count)]
            for number in range(min(files, count)):
                write_dump(folder / f"date={day}/input_key={key}/part-{number}.parquet", made[number::files])


def state(output: Path, tree: str = "labelled") -> dict[tuple[str, str], dict[str, int]]:
    """The published rows of each date and input, by the run they came with."""
    found: dict[tuple[str, str], Counter[str]] = {}
    for file in published_files(output, tree):
        place = file.parent.name.removeprefix("date="), file.name.split("-")[0]
        runs = parquet.ParquetFile(file).read(columns=["run_id"])["run_id"].to_pylist()
        found.setdefault(place, Counter()).update(runs)
    return {place: dict(runs) for place, runs in found.items()}
