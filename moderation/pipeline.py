"""The main job: read, score, decide, validate, publish."""

import logging
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from moderation.config import Config
from moderation.errors import GateRefused
from moderation.models.panel import Panel, find_panel
from moderation.policy import ACTIONS, SEVERITIES, Policy, describe, left_out, read_policy
from moderation.resources import schemas
from moderation.runs.inputs import InputFile, find_inputs
from moderation.runs.listing import check_apart
from moderation.runs.manifest import Manifest
from moderation.runs.performance import cost, performance, speed
from moderation.runs.progress import progress
from moderation.runs.publish import Scope, kept_files, publish, replaced_keys, staged_dates
from moderation.runs.run import Run

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from moderation.quality.gate import Outcome
    from moderation.spark.read import Comments

log = logging.getLogger(__name__)
# What the scoring column gives and the policy does not decide anew.
ANSWERS = (
    *("text_sha256", "status", "status_reason", "scores", "entities", "evidence"),
    *("token_count", "window_count", "model_id"),
)


def moderate(config: Config) -> Manifest:
    """Scores the comments of the config's input and publishes them below its output, if the gate lets them pass.

    Returns the manifest of the run. Raises `UsageError` for the caller's mistakes, with nothing written, and
    `GateRefused` where validation refused, with nothing published.
    """
    from moderation.spark.errors import input_errors
    from moderation.spark.session import session

    files = find_inputs(config.input, config.columns)
    check_apart([file.path for file in files], [file.root for file in files], config.output.resolve())
    panel = find_panel(config.models)
    policy = read_policy(config.policy, panel)
    if missing := left_out(config.policy, panel):
        log.warning("note: the default policy goes without some rules, as the models lack what they name: %s", missing)
    with Run(config) as run, session(config.spark) as spark, input_errors():
        job = Job(config, run, spark, files, panel, policy)
        comments = run.stage("read", job.read)
        scored = run.stage("score", job.score, comments)
        labelled = run.stage("decide", job.decide, scored)
        outcome = run.stage("validate", job.validate, labelled)
        run.stage("publish", job.publish, outcome)
        return run.manifest


@dataclass
class Job:
    """The stages of the main job and what they share."""

    config: Config
    run: Run
    spark: "SparkSession"
    files: list[InputFile]
    panel: Panel
    policy: Policy

    def read(self) -> "Comments":
        """Reads the dump, stages the rows that are broken, and counts everything there is."""
        from moderation.spark import write
        from moderation.spark.read import read_comments

        self.check_device()
        comments = read_comments(self.spark, self.files, self.config, self.run_id)
        self.check_policy(comments)
        broken = write.stage(comments.broken, self.run.staging / "quarantine")
        reasons = write.counts_by(broken, "reason")
        self.run.describe(
            inputs=[file.describe() for file in self.files],
            renamed_columns=comments.renamed,
            model=self.panel.describe(),
            policy=describe(self.policy, self.config.policy, self.panel),
            counts={
                "rows_in": sum(file.rows for file in self.files),
                "other_dates": comments.other_dates.count() if self.config.date else 0,
                "quarantined": sum(reasons.values()),
                "quarantine_reasons": reasons,
            },
        )
        counts = self.run.manifest.counts
        self.run.note(rows_in=counts["rows_in"], quarantined=counts["quarantined"])
        return comments

    def check_device(self) -> None:
        """Where workers run on this machine, asks now whether models can; elsewhere only they can know."""
        from moderation.inference.devices import check

        if self.local:
            check(self.config.precision, self.config.device_settings)

    def check_policy(self, comments: "Comments") -> None:
        """Has Spark resolve the policy's conditions now, not after hours of scoring."""
        from moderation.spark.decide import decide

        decide(self.scored(comments.good), self.policy, self.panel, self.run_id)

    def scored(self, rows: "DataFrame") -> "DataFrame":
        """Rows with the columns that the models give them, and what that took."""
        from moderation.spark.columns import moderate_with_work

        column = moderate_with_work("body", self.panel, self.config.precision, self.config.device_settings)
        answers = rows.withColumn("moderation", column)
        return answers.select(*rows.columns, *[f"moderation.{name}" for name in (*ANSWERS, "work")])

    def score(self, comments: "Comments") -> "DataFrame":
        """Scores every good row with the models; Spark spreads them over its tasks."""
        from moderation.spark import write
        from moderation.spark.read import scoring_tasks

        context = self.spark.sparkContext
        rows = self.expected_rows
        tasks = scoring_tasks(rows, context.defaultParallelism)
        started = time.perf_counter()
        with progress(context, "scoring", rows, tasks):
            scored = write.keep(self.scored(comments.good.repartition(tasks)), self.run.staging / "scored")
        seconds = time.perf_counter() - started
        work, load_seconds = write.total_work(scored)
        workers = min(tasks, context.defaultParallelism)
        self.run.manifest.throughput = performance(work, load_seconds, seconds, workers, self.peak())
        self.run.note(rows=rows, tasks=tasks)
        return scored.drop("work")

    def decide(self, scored: "DataFrame") -> "DataFrame":
        """Applies the policy and stages the labelled rows."""
        from moderation.spark import write
        from moderation.spark.decide import decide
        from moderation.spark.errors import policy_errors

        labelled = decide(scored, self.policy, self.panel, self.run_id)
        with policy_errors():
            staged = write.stage(labelled, self.run.staging / "labelled").drop("input_key")
        manifest = self.run.manifest
        manifest.counts |= write.label_counts(staged, self.panel)
        manifest.throughput |= speed(manifest.counts, manifest.throughput["seconds"]["scoring"])
        self.run.note(scored=manifest.counts["scored"], flagged=manifest.counts["flagged"])
        return staged

    def validate(self, labelled: "DataFrame") -> "Outcome":
        """Asks the gate."""
        from moderation.quality.gate import validate
        from moderation.quality.view import Vocabulary
        from moderation.spark.paths import literal

        kept = kept_files(self.run.output, self.scope, staged_dates(self.run.staging))
        outcome = validate(
            labelled,
            vocabulary=Vocabulary(self.panel.labels, self.panel.entity_types, ACTIONS, SEVERITIES),
            expected_rows=self.expected_rows,
            published_ids=self.spark.read.parquet(*map(literal, kept)).select("id") if kept else None,
            suite=schemas() / "expectations" / "labelled.json",
            docs=self.run.folder / "data_docs",
            run_id=self.run_id,
        )
        self.run.describe(validation=asdict(outcome))
        self.run.note(checks=outcome.checks, failed=len(outcome.failures))
        return outcome

    def publish(self, outcome: "Outcome") -> None:
        """Publishes what passed; raises `GateRefused` with the reasons where it did not."""
        if not outcome.success:
            raise GateRefused(f"{outcome.refusal}\n  staged rows: {self.run.staging}")
        self.run.manifest.throughput |= self.bill()
        publish(self.run.output, self.run.staging, self.run.folder, self.scope, self.run.manifest)
        self.run.note(files=len(self.run.manifest.published), replaced=len(self.run.manifest.replaced))

    def peak(self) -> float | None:
        """What this machine's matrix products reach; None where workers score elsewhere, or on a GPU."""
        from moderation.inference.devices import resolve_place
        from moderation.inference.peak import matrix_peak

        on_cpu = self.local and resolve_place(self.config.device_settings) == "cpu"
        return matrix_peak("fp32" if self.config.precision == "fp32" else "auto") if on_cpu else None

    def bill(self) -> dict[str, float]:
        """What a million comments cost at the config's price, for the whole run up to publishing."""
        seconds = sum(self.run.manifest.timings.values())
        return cost(self.config.price_per_hour, seconds, self.run.manifest.counts["scored"])

    @property
    def local(self) -> bool:
        """Whether Spark's workers are on this machine."""
        return str(self.spark.sparkContext.master).startswith("local")

    @property
    def run_id(self) -> str:
        """The run's name."""
        return self.run.manifest.run_id

    @property
    def expected_rows(self) -> int:
        """Rows that must come out as labelled: those read less those of other dates and in quarantine."""
        counts = self.run.manifest.counts
        return int(counts["rows_in"] - counts["other_dates"] - counts["quarantined"])

    @property
    def scope(self) -> Scope:
        """Whose earlier publications this run replaces."""
        roots = [file.root.as_uri() for file in self.files if file.root.is_dir()]
        keys = replaced_keys(self.run.output, [file.uri for file in self.files], roots)
        dates = frozenset({str(self.config.date), "unknown"}) if self.config.date else None
        return Scope(keys, dates)
