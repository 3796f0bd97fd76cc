"""The scoring stage: every shard that the store lacks, in the tasks of one Spark job."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from moderation.inference.work import Work
from moderation.runs.progress import progress
from moderation.runs.shards import tasks_of
from moderation.spark.commit import committed
from moderation.spark.layout import ROLES, Layout
from moderation.spark.read import bodies
from moderation.spark.source import Reader, source
from moderation.spark.worker import Scorer

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from moderation.config import Config
    from moderation.models.panel import Panel
    from moderation.runs.shards import Shard
    from moderation.runs.store import Store


def score_shards(
    spark: "SparkSession",
    shards: "Sequence[Shard]",
    layout: Layout,
    store: "Store",
    config: "Config",
    panel: "Panel",
    found: int,
) -> "Receipts":
    """Scores the shards and commits each by itself; `found` shards are in the store already, for the display.

    A task reads only the columns that decide what is scored. Nothing is shuffled, so that each shard stays as it is
    from its first row to its last.
    """
    from moderation.runs.manifest import versions

    store.folder.mkdir(parents=True, exist_ok=True)  # by the driver: an executor that does not see it must not make it
    about = {
        "models": [source.model_id for source in panel.sources],
        "precision": config.precision,
        "versions": versions(),
    }
    parts = tasks_of(shards, spark.sparkContext.defaultParallelism)
    rows = shard_bodies(spark, shards, parts, layout, config)
    tasks = committed(rows, store, shards, Scorer(panel, config.precision, config.device_settings), about)
    with progress(spark.sparkContext, "scoring", [sizes(shards[part.start : part.stop]) for part in parts], found):
        return Receipts([row.asDict() for row in tasks.collect()])


def shard_bodies(
    spark: "SparkSession", shards: "Sequence[Shard]", parts: Sequence[range], layout: Layout, config: "Config"
) -> "DataFrame":
    """The bodies of the shards, a partition for each part of them."""
    return bodies(source(spark, Reader(shards, parts, layout.only(ROLES))), config)


def sizes(shards: "Sequence[Shard]") -> tuple[int, int]:
    """How many rows and how many shards these are."""
    return sum(shard.stop - shard.start for shard in shards), len(shards)


class Receipts:
    """What the shards of a scoring stage took, added up."""

    def __init__(self, receipts: list[dict[str, Any]]) -> None:
        self.shards = len(receipts)
        names = receipts[0] if receipts else ()
        self.sums: dict[str, Any] = {name: sum(receipt[name] for receipt in receipts) for name in names}

    @property
    def work(self) -> Work:
        """The engine's figures."""
        counted = vars(Work())
        return Work(**{name: value for name, value in self.sums.items() if name in counted})

    @property
    def load_seconds(self) -> float:
        """Seconds in which workers loaded the models, of all together."""
        return float(self.sums.get("load_seconds", 0.0))

    @property
    def counts(self) -> dict[str, int]:
        """Scored rows and tokens."""
        return {name: int(self.sums.get(name, 0)) for name in ("rows", "scored", "tokens")}
