"""The scoring stage: every shard that the store lacks, each a task of one Spark job."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from moderation.inference.work import Work
from moderation.runs.progress import progress
from moderation.spark.columns import moderate_with_work
from moderation.spark.commit import committed
from moderation.spark.layout import ROLES, Layout
from moderation.spark.read import bodies
from moderation.spark.source import Reader, source

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
    """Scores the shards and commits each as its task ends; `found` shards are in the store already, for the display.

    A task reads only the columns that decide what is scored. Its UDF column and its commit follow one another without a
    shuffle, so that a partition stays a shard from its first row to its last.
    """
    from moderation.runs.manifest import versions

    store.folder.mkdir(parents=True, exist_ok=True)  # by the driver: an executor that does not see it must not make it
    scored = scored_rows(spark, shards, layout, config, panel)
    about = {
        "models": [source.model_id for source in panel.sources],
        "precision": config.precision,
        "versions": versions(),
    }
    with progress(spark.sparkContext, "scoring", sum(shard.stop - shard.start for shard in shards), len(shards), found):
        return Receipts(
            [row.asDict() for row in committed(scored, store, shards, panel, about, config.device_settings).collect()]
        )


def scored_rows(
    spark: "SparkSession", shards: "Sequence[Shard]", layout: Layout, config: "Config", panel: "Panel"
) -> "DataFrame":
    """What the models say of each row of the shards, a partition for each."""
    alone = [range(number, number + 1) for number in range(len(shards))]
    rows = bodies(source(spark, Reader(shards, alone, layout.only(ROLES))), config)
    column = moderate_with_work("body", panel, config.precision, config.device_settings)
    return rows.select("input_shard", "input_row", column.alias("moderation"))


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
