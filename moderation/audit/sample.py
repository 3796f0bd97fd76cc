"""Drawing a sample of a published run: sizes, expected margins, rows, near-duplicates; kept as `OUT/audits/<id>/`."""

import datetime
import json
import shutil
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from moderation.audit import allocate
from moderation.audit.design import Design, Margin, SampleFolder, Stratum, audits
from moderation.audit.estimates import MEASURES
from moderation.audit.published import find_run, thresholds_of
from moderation.errors import UsageError
from moderation.runs.manifest import versions
from moderation.text.digest import text_digest

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow
    from pyspark.sql import DataFrame

    from moderation.audit.strata import Scheme

METHOD = 1  # raise it when the same request would draw other rows than before
MOST = 5000  # rows that a margin may cost, if nobody said otherwise
OURS = ("stratum", "probability", "weight", "duplicates", "place")


@dataclass(frozen=True)
class Request:
    """What is wanted: a margin, a size, or a margin with at most a size; for some labels, or all of the run's."""

    seed: int = 7
    margin: float | None = None
    size: int | None = None
    labels: tuple[str, ...] = ()
    slices: tuple[str, ...] = ()
    similarity: float | None = 0.8

    def check(self, known: list[str]) -> None:
        """Raises `UsageError` where it cannot be met; `known` are the run's labels."""
        if self.margin is None and self.size is None:
            raise UsageError("say how sure you want to be, --margin 0.05, or how much you can review, --size 500")
        if self.margin is not None and not 0 < self.margin < 0.5:
            raise UsageError(f"--margin {self.margin:g}: is half the width of an interval: above 0 and below 0.5")
        if self.size is not None and self.size < 1:
            raise UsageError(f"--size {self.size}: draw at least 1 row")
        if self.similarity is not None and not 0.3 <= self.similarity <= 1:
            raise UsageError(f"--similarity {self.similarity:g}: from 0.3 to 1, the share of shingles in common")
        for label in self.labels:
            if label not in known:
                raise UsageError(f"--label {label}: the run has {', '.join(known)}")


def sample(output: Path, run: str, request: Request) -> tuple[SampleFolder, bool]:
    """Draws a sample of a published run; the folder, and whether it was drawn now rather than there already.

    Raises `UsageError` for what `find_run` and `Request.check` refuse, and for slices that the run does not have.
    """
    output = output.resolve()
    manifest = find_run(output, run)
    thresholds = thresholds_of(manifest)
    request.check(list(thresholds))
    folder = SampleFolder(audits(output) / sample_id(manifest["run_id"], request))
    if folder.design.exists():
        return folder, False
    from moderation.config import load_config
    from moderation.spark.errors import full_disk, input_errors
    from moderation.spark.session import session

    scratch = folder.path.with_name(f".{folder.path.name}.new")
    shutil.rmtree(scratch, ignore_errors=True)
    try:
        with session(load_config(output=output).spark) as spark, input_errors(), full_disk(output):
            from moderation.audit.frame import read_frame

            rows = read_frame(spark, output, manifest)
            design, drawn = drawn_rows(rows, manifest, thresholds, request, scratch)
        write(SampleFolder(scratch), design, drawn)
        scratch.rename(folder.path)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return folder, True


def sample_id(run_id: str, request: Request) -> str:
    """Names a sample by the run and everything that decides which rows are drawn."""
    return text_digest(json.dumps([METHOD, run_id, asdict(request)]))[:12]


def drawn_rows(
    rows: "DataFrame", manifest: dict[str, Any], thresholds: dict[str, float], request: Request, scratch: Path
) -> tuple[Design, "pyarrow.Table"]:
    """The design and the rows that reviewers are to see."""
    from moderation.audit.draw import draw
    from moderation.audit.strata import scheme, with_stratum

    rows = apart(rows)
    targets = [label for label in thresholds if label in (request.labels or thresholds)]
    statuses = {row["status"]: row["count"] for row in rows.groupBy("status").count().collect()}
    made = scheme(rows, {label: thresholds[label] for label in targets}, list(request.slices))
    stratified = with_stratum(rows, made)
    strata, expected = plan(stratified, made, manifest["run_id"], list(thresholds), targets, request)
    found = draw(stratified, strata, request.seed, scratch / "rows")
    design = design_of(manifest, request, thresholds, targets, strata, expected, statuses)
    return design, shown(found, design, request)


def apart(rows: "DataFrame") -> "DataFrame":
    """The input's own columns that are named like ours get the prefix `input_`."""
    return rows.withColumnsRenamed({name: f"input_{name}" for name in OURS if name in rows.columns})


def plan(
    stratified: "DataFrame", made: "Scheme", run_id: str, labels: list[str], targets: list[str], request: Request
) -> tuple[list[Stratum], list[Margin]]:
    """The strata with the rows to draw from each, and the margins that these let expect."""
    from moderation.audit.frame import check_strata, strata_of, sums
    from moderation.audit.strata import aggregates

    counted = aggregates(stratified, made, labels).toPandas().sort_values("stratum", ignore_index=True)
    most = request.size if request.size is not None else MOST
    check_strata(counted, allocate.LEAST, request.size, run_id)
    frame = sums(counted, labels)
    wanted = frame.only([labels.index(label) for label in targets])
    sizes = (
        allocate.sizes_for_total(wanted, most)
        if request.margin is None
        else allocate.sizes_for_margin(wanted, request.margin, most)
    )
    return strata_of(counted, made, labels, sizes), margins(frame, sizes, labels)


def margins(frame: allocate.Frame, sizes: np.ndarray, labels: list[str]) -> list[Margin]:
    """The expected value and margin of every measure of every label."""
    values, half = allocate.expected_values(frame), allocate.expected_margins(frame, sizes)
    return [
        Margin(label=label, measure=measure, value=finite(values[row, column]), margin=finite(half[row, column]))
        for row, label in enumerate(labels)
        for column, measure in enumerate(MEASURES)
    ]


def finite(value: float) -> float | None:
    """A number for JSON."""
    return float(value) if np.isfinite(value) else None


def design_of(
    manifest: dict[str, Any],
    request: Request,
    thresholds: dict[str, float],
    targets: list[str],
    strata: list[Stratum],
    expected: list[Margin],
    statuses: dict[str, int],
) -> Design:
    """The design as it is kept."""
    from moderation.audit.frame import frame_digest

    return Design(
        sample_id=sample_id(manifest["run_id"], request),
        run_id=manifest["run_id"],
        seed=request.seed,
        thresholds=thresholds,
        labels=targets,
        slices=list(request.slices),
        size=request.size,
        margin=request.margin,
        strata=strata,
        skipped=statuses.get("skipped", 0),
        failed=statuses.get("failed", 0),
        expected=expected,
        frame=frame_digest(manifest),
        near_duplicates=request.similarity,
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        version=versions()["moderation-batch"],
    )


def shown(drawn: "pyarrow.Table", design: Design, request: Request) -> "pyarrow.Table":
    """One row for each group of near-duplicates, with its probability, weight and place in the review."""
    import pyarrow as pa

    from moderation.audit.draw import review_order

    standing = standing_rows(drawn, request.similarity)
    counts = Counter(standing.tolist())
    kept = drawn.take(pa.array(sorted(counts)))
    probability = {one.name: one.drawn / one.rows for one in design.strata}
    chances = np.array([probability[name] for name in kept["stratum"].to_pylist()])
    duplicates = np.array([counts[place] for place in sorted(counts)], np.int32)
    keys = list(zip(kept["date"].to_pylist(), kept["id"].to_pylist(), strict=True))
    ours = {
        "stratum": kept["stratum"],
        "probability": pa.array(chances),
        "weight": pa.array(duplicates / chances),
        "duplicates": pa.array(duplicates),
        "place": pa.array(review_order(keys, request.seed)),
    }
    theirs = [name for name in kept.column_names if not name.startswith("audit_") and name not in OURS]
    return pa.table({name: kept[name] for name in theirs} | ours).sort_by("place")


def standing_rows(drawn: "pyarrow.Table", similarity: float | None) -> np.ndarray:
    """For each drawn row the place of the row that is shown for it: of the same stratum, with the same labels."""
    if similarity is None:
        return np.arange(drawn.num_rows)
    from moderation.audit.duplicates import representatives

    labels = [tuple(sorted(some)) for some in drawn["labels"].to_pylist()]
    groups = list(zip(drawn["stratum"].to_pylist(), labels, strict=True))
    return representatives(drawn["body"].to_pylist(), groups, similarity)


def write(folder: SampleFolder, design: Design, rows: "pyarrow.Table") -> None:
    """Writes the files of a sample, the design last: a folder without one is no sample."""
    from pyarrow import parquet

    folder.path.mkdir(parents=True, exist_ok=True)
    parquet.write_table(rows, folder.sample)
    folder.design.write_text(design.model_dump_json(indent=2) + "\n", encoding="utf-8")


def read_sample(folder: SampleFolder, columns: list[str] | None = None) -> "pd.DataFrame":
    """The rows of a sample, or some of their columns; raises `UsageError` where the file is gone or damaged."""
    import pyarrow as pa
    from pyarrow import parquet

    try:
        return parquet.read_table(folder.sample, columns=columns, partitioning=None).to_pandas()
    except (OSError, pa.ArrowException) as error:
        raise UsageError(f"{folder.sample}: cannot be read; draw the sample anew with 'audit sample'") from error
