"""The stages of the main job but for scoring: read, decide, validate, publish."""

import logging
import shutil
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from moderation.config import Config
from moderation.errors import GateRefused
from moderation.models.panel import Panel
from moderation.plan import Plan
from moderation.policy import Policy, describe
from moderation.runs.inputs import InputFile
from moderation.runs.performance import cost
from moderation.runs.publish import Scope, check_columns, kept_files, publish, staged_dates
from moderation.runs.recorded import RecordedPanel
from moderation.runs.run import Run
from moderation.runs.shards import Shard, parts_of, shards_of
from moderation.runs.store import Store
from moderation.scoring import score

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from moderation.quality.gate import Outcome
    from moderation.spark.layout import Layout
    from moderation.spark.read import Comments

log = logging.getLogger(__name__)
PARTS_PER_CORE = 3  # of the input where it is read and decided: no core waits long for another's last one


@dataclass
class Job:
    """The stages of the main job and what they share."""

    plan: Plan
    run: Run
    spark: "SparkSession"

    @cached_property
    def shards(self) -> list[Shard]:
        """The pieces of the input."""
        return shards_of(self.files)

    @cached_property
    def layout(self) -> "Layout":
        """The input's columns."""
        from moderation.spark.layout import layout

        return layout(self.files, self.config.columns, self.plan.privacy)

    @property
    def store(self) -> Store:
        """Where the scores are."""
        return Store(self.run.output, self.plan.scores_key)

    def read(self) -> None:
        """Reads the dump, stages the rows that are broken, and counts everything there is."""
        from moderation.spark import write
        from moderation.spark.layout import ROLES

        self.check_workers()
        self.check_policy()
        broken = write.stage(self.comments(self.layout).broken, self.run.staging / "quarantine")
        reasons = write.counts_by(broken, "reason")
        dated = self.comments(self.layout.only(ROLES)).other_dates
        self.run.describe(
            inputs=[file.describe() for file in self.files],
            renamed_columns=self.layout.renamed,
            model=self.panel.describe(),
            policy=describe(self.policy, self.config.policy, self.panel),
            counts={
                "rows_in": sum(file.rows for file in self.files),
                "other_dates": dated.count() if self.config.date else 0,
                "quarantined": sum(reasons.values()),
                "quarantine_reasons": reasons,
            },
        )
        self.tell_privacy()
        counts = self.run.manifest.counts
        self.run.note(rows_in=counts["rows_in"], quarantined=counts["quarantined"])

    def tell_privacy(self) -> None:
        """Has the manifest say what was done to personal data, and in how many rows."""
        from moderation.spark.read import masked_counts

        privacy = self.plan.privacy
        if privacy is None:
            return
        for said in privacy.notes(self.layout.names):
            log.warning("note: %s", said)
        counts = masked_counts(self.comments(self.layout).wanted)
        self.run.describe(privacy={**privacy.describe(), "masked": counts})

    def comments(self, layout: "Layout", answered: bool = False) -> "Comments":
        """The input's rows told apart, with their stored answers if wanted."""
        from moderation.spark.read import read_comments
        from moderation.spark.schema import answers_schema
        from moderation.spark.source import Reader, source

        beside = (self.store, answers_schema(self.panel)) if answered else ()
        parts = parts_of(self.shards, PARTS_PER_CORE * self.spark.sparkContext.defaultParallelism)
        return read_comments(source(self.spark, Reader(self.shards, parts, layout, *beside)), self.config, self.run_id)

    def check_workers(self) -> None:
        """Where workers run on this machine, asks now whether models can; elsewhere, whether they see our folders."""
        from moderation.inference.devices import check
        from moderation.spark.cluster import check_cluster

        models = self.panel.sources if isinstance(self.panel, Panel) else ()
        if not self.local:
            needed = [("output", self.run.folder), *(("input", file.path) for file in self.files)]
            needed += [("model", source.folder) for source in models]
            check_cluster(self.spark, self.config.device if models else "cpu", needed)
        elif models:
            check(self.config.precision, self.config.device_settings)

    def check_policy(self) -> None:
        """Has Spark resolve the policy's conditions, and the format its columns, now and not after hours of scoring."""
        from moderation.spark.decide import decide

        rows = decide(self.comments(self.layout, answered=True).good, self.policy, self.panel, self.run_id)
        columns = rows.drop("input_key").schema.jsonValue()
        check_columns(self.run.output, self.config.publish.format, columns)

    def decide(self) -> "DataFrame":
        """Applies the policy and stages the labelled rows; stored scores that turn out damaged are made anew."""
        from moderation.spark import write
        from moderation.spark.errors import damaged_scores

        try:
            staged = self.decided()
        except Exception as error:  # Spark wraps what a task raises in several classes
            if not damaged_scores(error):
                raise
            shutil.rmtree(self.run.staging / "labelled", ignore_errors=True)
            score(self, thorough=True)
            staged = self.decided()
        manifest = self.run.manifest
        manifest.counts |= write.label_counts(staged, self.panel)
        self.run.note(scored=manifest.counts["scored"], flagged=manifest.counts["flagged"])
        return staged

    def decided(self) -> "DataFrame":
        """The labelled rows, staged."""
        from moderation.spark import write
        from moderation.spark.decide import decide
        from moderation.spark.errors import policy_errors

        good = self.comments(self.layout, answered=True).good
        labelled = decide(good, self.policy, self.panel, self.run_id)
        with policy_errors():
            return write.stage(labelled, self.run.staging / "labelled").drop("input_key")

    def validate(self, labelled: "DataFrame") -> "Outcome":
        """Asks the gate."""
        from moderation.quality.ask import ask

        kept = kept_files(self.run.output, self.scope, staged_dates(self.run.staging))
        return ask(self.spark, self.run, self.config, self.panel, labelled, kept)

    def check(self, outcome: "Outcome") -> None:
        """Raises `GateRefused` with the reasons where the gate refused; else nothing but publishing is left."""
        if not outcome.success:
            raise GateRefused(f"{outcome.refusal}\n  staged rows: {self.run.staging}")
        self.run.manifest.throughput |= self.bill()

    def set_aside(self, outcome: "Outcome") -> None:
        """Keeps what passed for `moderation publish`."""
        from moderation.runs.accepted import set_aside

        self.check(outcome)
        set_aside(self.run.output, self.run.staging, self.scope)
        self.run.manifest.status = "accepted"

    def publish(self, outcome: "Outcome") -> None:
        """Publishes what passed; raises `GateRefused` with the reasons where it did not."""
        self.check(outcome)
        publish(self.run.output, self.run.staging, self.run.folder, self.scope, self.run.manifest)
        self.run.note(files=len(self.run.manifest.published), replaced=len(self.run.manifest.replaced))

    def bill(self) -> dict[str, float]:
        """What a million comments cost at the config's price: the whole run up to publishing, by those it scored."""
        seconds = sum(self.run.manifest.timings.values())
        return cost(self.config.price_per_hour, seconds, self.run.manifest.throughput["scored"])

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
        return self.plan.scope

    @property
    def config(self) -> Config:
        """The run's settings."""
        return self.plan.config

    @property
    def files(self) -> list[InputFile]:
        """The run's inputs."""
        return self.plan.files

    @property
    def panel(self) -> Panel | RecordedPanel:
        """What can be said of a text."""
        return self.plan.panel

    @property
    def policy(self) -> Policy:
        """What decides."""
        return self.plan.policy
