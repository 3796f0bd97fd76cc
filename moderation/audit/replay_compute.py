"""A decision made again, by the code that the run itself went through: read, score, decide."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from moderation.inference.devices import Device
from moderation.spark.read import judged, read_comments
from moderation.spark.schema import ANSWERS, answers_schema

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from moderation.config import Config
    from moderation.models.panel import Panel
    from moderation.policy import Policy
    from moderation.runs.shards import Shard
    from moderation.spark.layout import Layout


@dataclass(frozen=True)
class Decider:
    """What a run decides with, and a Spark session, as a policy's conditions are Spark's SQL."""

    spark: "SparkSession"
    config: "Config"
    panel: "Panel"
    policy: "Policy"
    run_id: str

    def wanted(self, rows: pa.Table, date: str) -> list[tuple[int, str]]:
        """Of rows of the input, those that the run would label on a date: their places in `rows`, and their bodies."""
        frame = judged(self.frame(rows), self.config)
        kept = frame.where("input_wanted AND input_reason IS NULL").where(frame["date"] == date)
        numbers = rows.column("input_row").to_pylist()
        found = kept.selectExpr("input_row", "CAST(body AS STRING) AS body").collect()
        return [(numbers.index(row["input_row"]), row["body"]) for row in found]

    def decide(self, row: pa.Table, answers: pa.StructArray) -> dict[str, Any]:
        """The published columns of a row of the input, from what the models said of it."""
        from moderation.spark.decide import decide

        schema = answers_schema(self.panel)
        said = [answers.field(name).cast(schema.field(name).type) for name in ANSWERS]
        table = pa.Table.from_arrays([*row.columns, *said], schema=pa.schema([*row.schema, *schema]))
        good = read_comments(self.frame(table), self.config, self.run_id).good
        decided = decide(good, self.policy, self.panel, self.run_id).drop("input_key")
        found: list[dict[str, Any]] = decided.toArrow().to_pylist()
        return found[0]

    def frame(self, table: pa.Table) -> "DataFrame":
        """Arrow's rows as a frame."""
        return self.spark.createDataFrame(table)


def alone(config: "Config", panel: "Panel", body: str) -> pa.StructArray:
    """What the models say of a text by itself: quick, and in the last bits not what they say of it among others."""
    from moderation.inference.engine import Engine
    from moderation.spark.worker import answers, struct

    device = Device(config.device_settings.place, config.backend, config.threads or 1)  # a Spark worker has one thread
    fields, _ = answers(Engine(panel, config.precision, device, remember=False), [body])
    return struct(fields)


def in_company(
    spark: "SparkSession", shard: "Shard", row: int, layout: "Layout", config: "Config", panel: "Panel"
) -> pa.StructArray:
    """What the models say of a row when its whole shard is scored anew, as the run's task did it."""
    from moderation.spark.commit import answered
    from moderation.spark.score import shard_bodies
    from moderation.spark.worker import Scorer

    scorer = Scorer(panel, config.precision, config.device_settings)
    table = answered(shard_bodies(spark, [shard], [range(1)], layout, config), shard, scorer).toArrow()
    found = table.filter(pc.equal(table.column("input_row"), row)).column("moderation").combine_chunks()
    return found.chunk(0) if isinstance(found, pa.ChunkedArray) else found
