"""Frames made of rows, and the gate with the project's own suite."""

from collections.abc import Callable
from typing import Any

import pytest
from labelled_rows import COLUMNS, VOCABULARY, Row
from pyspark.sql import DataFrame, SparkSession

from moderation.quality.gate import Outcome, validate


@pytest.fixture(scope="session")
def frame(spark: SparkSession) -> Callable[[list[Row]], DataFrame]:
    """Rows → a labelled frame."""
    schema = ", ".join(f"{name} {type_}" for name, type_ in COLUMNS.items())
    return lambda rows: spark.createDataFrame([tuple(row[name] for name in COLUMNS) for row in rows], schema)


@pytest.fixture(scope="session")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Outcome]:
    """A frame → the gate's outcome, by the project's own suite."""

    def run(labelled: DataFrame, expected_rows: int, published_ids: DataFrame | None = None, **other: Any) -> Outcome:
        docs = tmp_path_factory.mktemp("gate") / "docs"
        settings: dict[str, Any] = {"vocabulary": VOCABULARY, "docs": docs, "run_id": "r"} | other
        return validate(labelled, expected_rows=expected_rows, published_ids=published_ids, **settings)

    return run
