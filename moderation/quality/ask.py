"""A run before the gate: what it staged, what was published before, and what its manifest keeps of the answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from moderation.config import Config
from moderation.contracts import contract
from moderation.models.spec import LabelSet
from moderation.policy import ACTIONS, SEVERITIES
from moderation.quality.gate import History, validate
from moderation.quality.report import Outcome
from moderation.quality.shift import acceptance
from moderation.quality.view import Vocabulary
from moderation.runs.manifest import read_manifests
from moderation.runs.run import Run

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def ask(
    spark: SparkSession, run: Run, config: Config, known: LabelSet, labelled: DataFrame, kept: Sequence[Path]
) -> Outcome:
    """The gate's answer on a run's staged rows, written into its manifest; `kept` are files of ids that stay.

    The manifest has the counts of the staged rows already.
    """
    from moderation.spark.paths import literal

    counts = run.manifest.counts
    outcome = validate(
        labelled,
        vocabulary=Vocabulary(known.labels, known.entity_types, ACTIONS, SEVERITIES),
        expected_rows=counts["rows_in"] - counts["other_dates"] - counts["quarantined"],
        published_ids=spark.read.parquet(*map(literal, kept)).select("id") if kept else None,
        docs=run.folder / "data_docs",
        run_id=run.manifest.run_id,
        quarantined=staged_quarantine(spark, run.staging / "quarantine"),
        quarantined_rows=counts["quarantined"],
        history=History(asdict(run.manifest), read_manifests(run.output), config.gate),
        accepted=acceptance(config.accept_shift),
    )
    accepted = outcome.accepted and asdict(outcome.accepted) | {"shift": list(outcome.shift)}
    run.describe(validation=asdict(outcome), accepted_shift=accepted)
    run.note(checks=outcome.checks, failed=len(outcome.failures), shifted=len(outcome.shift))
    return outcome


def staged_quarantine(spark: SparkSession, folder: Path) -> DataFrame:
    """The staged rows in quarantine; a frame without rows where nothing was staged."""
    from moderation.spark.paths import literal

    if any(folder.rglob("*.parquet")):
        return spark.read.parquet(literal(folder)).drop("input_key")
    columns = contract("quarantine")["columns"]
    return spark.createDataFrame([], ", ".join(f"{column['name']} {column['type']}" for column in columns))
