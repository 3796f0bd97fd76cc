"""The scoring column: a UDF that loads the models once per Python worker."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from moderation.inference.devices import Device
from moderation.models.panel import Models, find_panel
from moderation.spark.schema import moderation_type

if TYPE_CHECKING:
    from pyspark.sql import Column


def moderate(
    column: "str | Column", models: Models = "builtin", precision: str = "auto", device: Device | None = None
) -> "Column":
    """A struct column with everything the models say of a text column; thresholds are the models' own.

    `models` is one model or a list of them, as in `moderation.load`.

    Fields: text_sha256, status, status_reason, scores (a struct of one float per label), labels, flagged, entities,
    evidence, token_count, window_count, model_id. Raises `UsageError` where a model is not whole.
    """
    import pandas as pd
    from pyspark.sql.functions import pandas_udf

    panel, place = find_panel(models), device or Device()

    def score(batches: Iterator[pd.Series]) -> Iterator[pd.DataFrame]:
        import pyarrow as pa

        from moderation.spark.worker import answers, task_device, worker_engine

        engine, _ = worker_engine(panel, precision, task_device(place))
        for bodies in batches:
            texts = [body if known else None for body, known in zip(bodies, bodies.notna(), strict=True)]
            yield pa.table(answers(engine, texts)[0]).to_pandas()

    return pandas_udf(score, moderation_type(panel))(column)  # type: ignore[call-overload]
