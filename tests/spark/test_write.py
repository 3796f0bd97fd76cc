"""How rows are staged."""

from pathlib import Path

import pytest
from pyarrow import parquet

from moderation.spark.session import COLLECTOR, java_options
from moderation.spark.write import stage


def test_columns_of_values_that_are_all_unlike_are_written_without_dictionaries(spark, tmp_path: Path) -> None:
    rows = [(f"c{n}", f"text {n}", f"{n:064x}", "a place", (n / 1000, 0.5), "2026-01-05", "k") for n in range(1000)]
    kinds = "id string, body string, text_sha256 string, subreddit string, scores struct<a:float,b:float>"
    frame = spark.createDataFrame(rows, f"{kinds}, date string, input_key string")
    staged = stage(frame, tmp_path / "labelled")
    assert sorted(map(tuple, staged.select("id", "body", "subreddit").collect())) == sorted(
        (id_, body, place) for id_, body, _, place, *_ in rows
    )
    (file,) = (tmp_path / "labelled").rglob("*.parquet")
    group = parquet.read_metadata(file).row_group(0)
    found = {group.column(n).path_in_schema: group.column(n).has_dictionary_page for n in range(group.num_columns)}
    without = dict.fromkeys(("id", "body", "text_sha256", "scores.a", "scores.b"), False)
    assert found == {**without, "subreddit": True}


@pytest.mark.parametrize(("setting", "ours"), [("", True), ("-Xmx1g", True), ("-Xmx1g -XX:+UseZGC", False)])
def test_a_garbage_collector_that_the_machine_asks_for_is_the_only_one(setting, ours, monkeypatch) -> None:
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", setting)
    assert (COLLECTOR in java_options()) == ours


def test_the_driver_runs_with_these_options(spark) -> None:
    beans = spark._jvm.java.lang.management.ManagementFactory
    given = list(beans.getRuntimeMXBean().getInputArguments())
    assert set(java_options().split()) <= set(given)
    assert "PS MarkSweep" in {bean.getName() for bean in beans.getGarbageCollectorMXBeans()}
