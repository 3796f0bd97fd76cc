"""The main job: read, score, decide, validate, publish."""

import logging
import shutil
import time
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from moderation.config import Config
from moderation.errors import GateRefused, UsageError
from moderation.models.panel import Panel, find_panel
from moderation.policy import Policy, describe, left_out, read_policy
from moderation.privacy.privacy import Privacy, find_privacy
from moderation.runs.digests import Digests
from moderation.runs.inputs import InputFile, find_inputs
from moderation.runs.keys import run_key, scores_key
from moderation.runs.listing import check_apart
from moderation.runs.manifest import Manifest
from moderation.runs.performance import cost, performance, speed
from moderation.runs.publish import Scope, check_columns, kept_files, publish, replaced_keys, staged_dates
from moderation.runs.recorded import RecordedPanel
from moderation.runs.run import Run
from moderation.runs.shards import Shard, parts_of, shards_of
from moderation.runs.standing import standing
from moderation.runs.store import Store, clean, missing
from moderation.runs.until import Until

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from moderation.quality.gate import Outcome
    from moderation.spark.layout import Layout
    from moderation.spark.read import Comments
    from moderation.spark.score import Receipts

log = logging.getLogger(__name__)
PARTS_PER_CORE = 3  # of the input where it is read and decided: no core waits long for another's last one


def moderate(config: Config, force: bool = False, until: Until = Until.PUBLISH) -> Manifest:
    """Scores the comments of the config's input and publishes them below its output, if the gate lets them pass.

    Shards that the output's score store has are not scored again. Where the very result stands there already, nothing
    is done unless with `force`. `until` an earlier stage, nothing is published. Returns the manifest of the run. Raises
    `UsageError` for the caller's mistakes, with nothing published, and `GateRefused` where validation refused.
    """
    privacy = find_privacy(config.privacy, config.output)
    digests = Digests(config.output.resolve())
    files = find_inputs(config.input, config.columns, digests)
    check_apart([file.path for file in files], [file.root for file in files], config.output.resolve())
    panel = find_panel(config.models)
    policy = read_policy(config.policy, panel)
    if rules := left_out(config.policy, panel):
        log.warning("note: the default policy goes without some rules, as the models lack what they name: %s", rules)
    return carry_out(Plan(config, files, panel, policy, digests, scores_key(config, panel), privacy), force, until)


@dataclass(frozen=True)
class Plan:
    """What a run is to do: found and checked, nothing of it done. With a `RecordedPanel` it decides only."""

    config: Config
    files: list[InputFile]
    panel: Panel | RecordedPanel
    policy: Policy
    digests: Digests
    scores_key: str
    privacy: Privacy | None = None

    @property
    def scope(self) -> Scope:
        """Whose earlier publications this run replaces; one that only decides, those of its files and no others."""
        roots = [file.root.as_uri() for file in self.files if file.root.is_dir() and isinstance(self.panel, Panel)]
        keys = replaced_keys(self.config.output.resolve(), [file.uri for file in self.files], roots)
        date = self.config.date
        return Scope(keys, frozenset({str(date), "unknown"}) if date else None)


def carry_out(plan: Plan, force: bool, until: Until = Until.PUBLISH) -> Manifest:
    """Does what is planned, unless its result stands there already."""
    from moderation.spark.errors import full_disk, input_errors
    from moderation.spark.session import session

    key = run_key(plan.config, plan.scores_key, plan.policy, plan.files, plan.privacy)
    output = plan.config.output.resolve()
    if not force and (before := standing(output, key, plan.scope)):
        log.info("nothing to do: run %s published this very result; --force runs all the same", before.run_id)
        return before
    with Run(plan.config) as run, session(plan.config.spark) as spark, input_errors():
        with full_disk(output):
            plan.digests.write()
            run.describe(run_key=key)
            job = Job(plan, run, spark)
            run.stage("read", job.read)
            run.stage("score", job.score)
            if until is Until.SCORE:
                run.manifest.status = "scored"
                return run.manifest
            labelled = run.stage("decide", job.decide)
            outcome = run.stage("validate", job.validate, labelled)
        if until is Until.VALIDATE:
            run.stage("set_aside", job.set_aside, outcome)
        else:
            run.stage("publish", job.publish, outcome)
        return run.manifest


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

    def score(self, thorough: bool = False) -> None:
        """Scores every shard that the store lacks, and no other; `thorough`ly looks for damage in what it has."""
        wanted = missing(self.store, self.shards, thorough)
        found = len(self.shards) - len(wanted)
        self.tell_shards(wanted)
        started = time.perf_counter()
        receipts = self.score_shards(wanted, found)
        seconds = time.perf_counter() - started
        self.run.manifest.throughput = self.report(receipts, seconds) if wanted else receipts.counts
        self.run.note(shards=len(self.shards), found=found, **receipts.counts)

    def score_shards(self, wanted: list[Shard], found: int) -> "Receipts":
        """Has Spark score the shards; raises `UsageError` where a run that only decides would have to."""
        from moderation.spark.score import Receipts, score_shards

        if not wanted:
            return Receipts([])
        if not isinstance(self.panel, Panel):
            raise UsageError(
                f"{len(wanted):,} of {len(self.shards):,} shards have no scores in {self.store.folder}: "
                "'moderation run' makes them"
            )
        receipts = score_shards(self.spark, wanted, self.layout, self.store, self.config, self.panel, found)
        clean(self.run.output)  # what workers that died in the middle of a shard have left: their tasks ran again
        return receipts

    def tell_shards(self, wanted: list[Shard]) -> None:
        """Has the manifest say, for all and for each input, how many shards there are, were found, and are to score."""
        every, lacking = (Counter(shard.key for shard in shards) for shards in (self.shards, wanted))
        for entry in self.run.manifest.inputs:
            entry["shards"] = shard_counts(every[entry["key"]], lacking[entry["key"]])
        self.run.describe(scores={"key": self.store.key, "shards": shard_counts(len(self.shards), len(wanted))})

    def report(self, receipts: "Receipts", seconds: float) -> dict[str, object]:
        """The figures of what was scored in this run."""
        workers = min(receipts.shards, self.spark.sparkContext.defaultParallelism)
        figures = performance(receipts.work, receipts.load_seconds, seconds, workers, self.peak())
        return {**receipts.counts, **figures, **speed(receipts.counts, seconds)}

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
            self.score(thorough=True)
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

    def peak(self) -> float | None:
        """What this machine's matrix products reach; None where workers score elsewhere, or on a GPU."""
        from moderation.inference.devices import resolve_place
        from moderation.inference.peak import matrix_peak

        on_cpu = self.local and resolve_place(self.config.device_settings) == "cpu"
        return matrix_peak("fp32" if self.config.precision == "fp32" else "auto") if on_cpu else None

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


def shard_counts(every: int, scored: int) -> dict[str, int]:
    """Shards in all, found in the store, and scored."""
    return {"all": every, "found": every - scored, "scored": scored}
