"""The main job's second stage: every shard that the score store lacks is scored, and no other."""

import time
from collections import Counter
from typing import TYPE_CHECKING

from moderation.errors import UsageError
from moderation.models.panel import Panel
from moderation.runs.performance import performance, speed
from moderation.runs.shards import Shard
from moderation.runs.store import clean, missing

if TYPE_CHECKING:
    from moderation.job import Job
    from moderation.spark.score import Receipts


def score(job: "Job", thorough: bool = False) -> None:
    """Scores every shard that the store lacks, and no other; `thorough`ly looks for damage in what it has."""
    wanted = missing(job.store, job.shards, thorough)
    found = len(job.shards) - len(wanted)
    tell_shards(job, wanted)
    started = time.perf_counter()
    receipts = score_missing(job, wanted, found)
    seconds = time.perf_counter() - started
    job.run.manifest.throughput = report(job, receipts, seconds) if wanted else receipts.counts
    job.run.note(shards=len(job.shards), found=found, **receipts.counts)


def score_missing(job: "Job", wanted: list[Shard], found: int) -> "Receipts":
    """Has Spark score the shards; raises `UsageError` where a run that only decides would have to."""
    from moderation.spark.score import Receipts, score_shards

    if not wanted:
        return Receipts([])
    if not isinstance(job.panel, Panel):
        raise UsageError(
            f"{len(wanted):,} of {len(job.shards):,} shards have no scores in {job.store.folder}: "
            "'moderation run' makes them"
        )
    receipts = score_shards(job.spark, wanted, job.layout, job.store, job.config, job.panel, found)
    clean(job.run.output)  # what workers that died in the middle of a shard have left: their tasks ran again
    return receipts


def tell_shards(job: "Job", wanted: list[Shard]) -> None:
    """Has the manifest say, for all and for each input, how many shards there are, were found, and are to score."""
    every, lacking = (Counter(shard.key for shard in shards) for shards in (job.shards, wanted))
    for entry in job.run.manifest.inputs:
        entry["shards"] = shard_counts(every[entry["key"]], lacking[entry["key"]])
    job.run.describe(scores={"key": job.store.key, "shards": shard_counts(len(job.shards), len(wanted))})


def report(job: "Job", receipts: "Receipts", seconds: float) -> dict[str, object]:
    """The figures of what was scored in this run."""
    workers = min(receipts.shards, job.spark.sparkContext.defaultParallelism)
    figures = performance(receipts.work, receipts.load_seconds, seconds, workers, peak(job))
    return {**receipts.counts, **figures, **speed(receipts.counts, seconds)}


def peak(job: "Job") -> float | None:
    """What this machine's matrix products reach; None where workers score elsewhere, or on a GPU."""
    from moderation.inference.devices import resolve_place
    from moderation.inference.peak import matrix_peak

    on_cpu = job.local and resolve_place(job.config.device_settings) == "cpu"
    return matrix_peak("fp32" if job.config.precision == "fp32" else "auto") if on_cpu else None


def shard_counts(every: int, scored: int) -> dict[str, int]:
    """Shards in all, found in the store, and scored."""
    return {"all": every, "found": every - scored, "scored": scored}
