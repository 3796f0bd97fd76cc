"""The engine's columns as Arrow arrays."""

from pathlib import Path

import pyarrow as pa
import pytest

from moderation.inference.devices import Device
from moderation.inference.engine import Engine
from moderation.inference.moderator import Moderator
from moderation.inference.work import Work
from moderation.models.load import find_model
from moderation.spark.schema import job_type, moderation_type
from moderation.spark.worker import answers, entities, in_first_row, lists, struct, task_device
from moderation.text.digest import text_digest

BODIES = [None, "you are an idiot", "", "👨‍👩‍👧 in Zürich", "[deleted]", "you are an idiot", "word " * 300, "\x00"]


@pytest.fixture(scope="module")
def engine(tiny_model: Path) -> Engine:
    return Engine(find_model(str(tiny_model)), "fp32", Device("cpu"), remember=False)


@pytest.fixture(scope="module")
def rows(engine: Engine) -> list[dict]:
    return pa.table(answers(engine, BODIES)[0]).to_pylist()


def test_the_arrays_say_what_the_python_interface_says(engine: Engine, rows: list[dict]) -> None:
    for body, row, result in zip(BODIES, rows, Moderator(engine).score(BODIES), strict=True):
        assert (row["status"], row["status_reason"]) == (result.status, result.status_reason)
        assert (row["scores"] or {}) == pytest.approx(result.scores, abs=1e-5)
        assert (row["labels"], row["flagged"]) == (result.labels, result.flagged)
        assert [(e["start"], e["end"], e["type"], e["text"]) for e in row["entities"]] == [
            (e.start, e.end, e.type, e.text) for e in result.entities
        ]
        assert row["text_sha256"] == (None if body is None else text_digest(body))
        assert (row["token_count"], row["window_count"]) == (result.token_count, result.window_count)
        found = row["evidence"] and (row["evidence"]["start"], row["evidence"]["end"])
        assert found == result.evidence


def test_the_fields_are_those_of_the_schema_in_its_order_and_types(engine: Engine) -> None:
    from pyspark.sql.pandas.types import to_arrow_type

    fields, _ = answers(engine, BODIES)
    wanted = {field.name: to_arrow_type(field.dataType) for field in moderation_type(engine.spec).fields}
    assert list(fields) == list(wanted)
    for name, kind in wanted.items():
        assert fields[name].cast(kind).type == kind  # the names of nested fields and nullability are Spark's to choose
        assert len(fields[name]) == len(BODIES)


def test_no_texts_make_empty_columns(engine: Engine) -> None:
    fields, work = answers(engine, [])
    assert {len(field) for field in fields.values()} == {0}
    assert work == Work(decode_seconds=work.decode_seconds)


def test_work_stands_in_the_first_row_so_that_sums_over_rows_are_right(engine: Engine) -> None:
    work = Work(texts=3, padded_tokens=70, model_seconds=0.5)
    rows = in_first_row(work, 2.5, 3).to_pylist()
    assert rows == [{**vars(work), "load_seconds": 2.5}, None, None]
    assert list(rows[0]) == [field.name for field in job_type(engine.spec)["work"].dataType.fields]


def test_work_of_no_rows_is_no_row() -> None:
    assert in_first_row(Work(), 0.0, 0).to_pylist() == []


def test_lists_take_their_lengths_from_the_counts() -> None:
    import numpy as np

    assert lists(np.array([2, 0, 1]), pa.array([1, 2, 3])).to_pylist() == [[1, 2], [], [3]]


def test_a_struct_is_null_where_told() -> None:
    import numpy as np

    found = struct({"a": np.array([1, 2]), "b": pa.array(["x", "y"])}, np.array([False, True]))
    assert found.to_pylist() == [{"a": 1, "b": "x"}, None]


def test_texts_without_entities_have_empty_lists(engine: Engine) -> None:
    from moderation.inference.spans import Spans

    assert entities(Spans.none(), ["a", None], ("PER",)).to_pylist() == [[], []]


def test_a_task_without_gpus_runs_where_the_config_says() -> None:
    for place in ("auto", "cpu", "cuda:3"):
        assert task_device(Device(place)).place == place
