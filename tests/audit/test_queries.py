"""The queries of docs/queries.md, each run in DuckDB and in Spark SQL on a run that was really published."""

import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

PAGE = (Path(__file__).parents[2] / "docs/queries.md").read_text(encoding="utf-8")
QUERIES = dict(re.findall(r"^## (.+?)\n.*?^```sql\n(.+?)^```", PAGE, re.DOTALL | re.MULTILINE))


def setup(kind: str, output: Path) -> list[str]:
    """The page's statements before its queries, for an output elsewhere."""
    (block,) = re.findall(rf"^```sql {kind}\n(.+?)^```", PAGE, re.DOTALL | re.MULTILINE)
    return [line.replace("'out/", f"'{output}/").rstrip(";") for line in block.splitlines()]


@pytest.fixture(scope="module")
def engines(spark, replayed) -> Iterator[tuple]:
    """DuckDB and Spark over one published run."""
    duck = duckdb.connect()
    for statement in setup("duckdb", replayed / "out"):
        duck.sql(statement)
    name = "spark.sql.sources.partitionColumnTypeInference.enabled"
    before = spark.conf.get(name)
    spark.conf.set(name, "false")
    for statement in setup("spark", replayed / "out"):
        spark.sql(statement)
    yield duck, spark
    spark.conf.set(name, before)
    for view in ("labelled", "quarantine", "runs"):
        spark.catalog.dropTempView(view)


def test_the_page_has_as_many_queries_as_headings() -> None:
    assert len(QUERIES) == len(re.findall(r"^## ", PAGE, re.MULTILINE)) >= 10


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_has_the_same_answer_in_duckdb_and_spark(engines, name) -> None:
    duck, spark = engines
    one = duck.sql(QUERIES[name])
    other = spark.sql(QUERIES[name])
    assert one.columns == other.columns
    rows, others = one.fetchall(), [tuple(row) for row in other.collect()]
    assert len(rows) == len(others) > 0
    for row, same in zip(rows, others, strict=True):
        assert [pytest.approx(value) if isinstance(value, float) else value for value in row] == list(same)
