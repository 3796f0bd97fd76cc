"""The main job publishing Delta tables, end to end."""

import pytest
from deltalake import DeltaTable

from moderation.config import Config
from moderation.errors import UsageError
from moderation.pipeline import moderate
from moderation.runs.publish import found_format
from tests.dumps import NEXT_DAY, comment, write_dump
from tests.runs.publications import state


def test_a_job_publishes_delta_tables_once_and_replaces_its_rows_in_one_commit(spark, tiny_model, tmp_path) -> None:
    config = {
        "models": str(tiny_model),
        "precision": "fp32",
        "output": tmp_path / "out",
        "publish": {"format": "delta"},
    }
    dump = write_dump(tmp_path / "a.parquet", [comment("1", "x"), comment("2", "y", NEXT_DAY), comment(None, "broken")])
    first = moderate(Config(input=[dump], **config))
    assert found_format(tmp_path / "out") == "delta"
    assert first.tables == {"labelled": 0, "quarantine": 0}
    assert moderate(Config(input=[dump], **config)).run_id == first.run_id  # it stands already
    write_dump(dump, [comment("1", "z")])
    second = moderate(Config(input=[dump], **config))
    assert list(state(tmp_path / "out").values()) == [{second.run_id: 1}]
    assert second.tables == {"labelled": 1, "quarantine": 1}
    table = DeltaTable(tmp_path / "out/labelled")
    rows = spark.read.option("basePath", str(tmp_path / "out/labelled")).parquet(*table.file_uris())
    assert [(row.id, row.body, str(row.date)) for row in rows.collect()] == [("1", "z", "2026-01-05")]
    assert sorted(rows.columns) == sorted(field.name for field in table.schema().fields)


def test_columns_that_a_delta_table_cannot_have_are_refused_before_any_scoring(spark, tiny_model, tmp_path) -> None:
    dump = write_dump(tmp_path / "a.parquet", [comment("1", "x", **{"my column": 1})])
    settings = {"models": str(tiny_model), "output": tmp_path / "out", "publish": {"format": "delta"}}
    with pytest.raises(UsageError, match="column 'my column' has a character"):
        moderate(Config(input=[dump], **settings))
    assert not (tmp_path / "out").exists()
