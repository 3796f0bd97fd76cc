"""The scoring columns: UDFs that load the models once per Python worker."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from moderation.inference.devices import Device
from moderation.models.panel import Models, Panel, find_panel
from moderation.spark.schema import job_type, moderation_type

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

        for bodies in batches:
            texts = [body if known else None for body, known in zip(bodies, bodies.notna(), strict=True)]
            yield pa.table(answered(panel, precision, place, texts)[0]).to_pandas()

    return pandas_udf(score, moderation_type(panel))(column)  # type: ignore[call-overload]


def moderate_with_work(column: "str | Column", panel: Panel, precision: str, device: Device) -> "Column":
    """The column of `moderate` with a field `work` that says, in the first row of each batch, what the batch took.

    An Arrow UDF: the engine's arrays go to Spark as they are, without becoming pandas objects and arrays again. It runs
    in Python workers of its own: one model a core, also where other Python functions stand in the same plan.
    """
    import pyarrow as pa
    from pyspark.sql.functions import arrow_udf

    from moderation.spark.session import workers_of_their_own

    def score(batches: Iterator[pa.Array]) -> Iterator[pa.Array]:
        from moderation.spark.worker import in_first_row, struct

        for number, bodies in enumerate(batches):
            fields, work, load_seconds = answered(panel, precision, device, bodies.to_pylist(), afresh=number == 0)
            yield struct({**fields, "work": in_first_row(work, load_seconds, len(bodies))})

    with workers_of_their_own("scoring"):
        return arrow_udf(score, job_type(panel))(column)  # type: ignore[call-overload]


def answered(
    panel: Panel, precision: str, device: Device, texts: list[str | None], afresh: bool = False
) -> tuple[dict[str, Any], Any, float]:
    """A batch's fields, its work, and the seconds that loading the models took where this batch was the first.

    Done `afresh`, the worker forgets the texts of earlier tasks, which it is chance that it had: the last bits of a
    score follow from the texts that are computed together, and shall be the same whenever the task is done again.
    """
    from moderation.inference.recent import Recent
    from moderation.spark.worker import answers, task_device, worker_engine

    engine, loading = worker_engine(panel, precision, task_device(device))
    if afresh:
        engine.recent = Recent()
    fields, work = answers(engine, texts)
    return fields, work, loading.pop() if loading else 0.0
