"""The scoring column: an Iterator pandas UDF that loads the model once per Python worker."""

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from moderation.models.load import find_model
from moderation.spark.schema import moderation_type

if TYPE_CHECKING:
    from pyspark.sql import Column

    from moderation.inference.moderator import Moderator


def moderate(column: "str | Column", model: str = "builtin", precision: str = "auto") -> "Column":
    """A struct column with everything the model says of a text column; thresholds are the model's own.

    Fields: text_sha256, status, status_reason, scores (a struct of one float per label), labels, flagged, entities,
    evidence, token_count, window_count, padded_count (tokens computed for the row, padding included), model_id.
    Raises `UsageError` where the model is not whole.
    """
    import pandas as pd
    from pyspark.sql.functions import pandas_udf

    source = find_model(model)
    folder, model_id = str(source.folder), source.model_id

    def score(batches: Iterator[pd.Series]) -> Iterator[pd.DataFrame]:
        from moderation.spark.worker import answers

        moderator = worker_moderator(folder, precision)
        for bodies in batches:
            yield answers(moderator, bodies, model_id)

    return pandas_udf(score, moderation_type(source.spec))(column)  # type: ignore[call-overload]


@lru_cache(maxsize=2)
def worker_moderator(folder: str, precision: str) -> "Moderator":
    """The worker's moderator; Spark reuses workers, so tasks that follow find it loaded."""
    from moderation.inference.moderator import Moderator

    return Moderator.load(folder, precision)
