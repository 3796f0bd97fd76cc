"""The engine's columns as Arrow arrays."""

from pathlib import Path

import pyarrow as pa
import pytest

from moderation.inference.devices import Device
from moderation.inference.engine import Engine
from moderation.inference.moderator import Moderator
from moderation.inference.native.library import missing
from moderation.inference.work import Work
from moderation.models.load import find_model
from moderation.models.panel import panel_of
from moderation.spark.schema import moderation_type
from moderation.spark.worker import (
    LIST_CHARACTERS,
    LIST_ROWS,
    Scorer,
    answers,
    entities,
    lists,
    lists_of,
    struct,
    task_device,
)
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


def test_a_shard_is_scored_in_lists_of_bounded_size() -> None:
    assert [len(found) for found in lists_of(["a"] * (2 * LIST_ROWS + 3))] == [LIST_ROWS, LIST_ROWS, 3]
    assert [len(found) for found in lists_of([None, "a" * LIST_CHARACTERS, "b"])] == [2, 1]
    assert list(lists_of([])) == []


def test_what_a_worker_scored_before_is_no_part_of_the_next_shard(tiny_model: Path) -> None:
    scorer = Scorer(panel_of(find_model(str(tiny_model))), "fp32", Device("cpu"))
    ((_, first, _),) = scorer.answers(BODIES)
    ((_, again, loaded),) = scorer.answers(BODIES)
    assert (again.texts, again.duplicates, again.windows) == (first.texts, first.duplicates, first.windows)
    assert again.windows > 0
    assert loaded == 0


@pytest.mark.skipif(bool(missing()), reason=f"no native encoder here: {missing()}")
@pytest.mark.parametrize("precision", ["bf16", "int8"])
def test_where_no_neighbour_changes_an_answer_texts_are_remembered_from_shard_to_shard(
    native_model: Path, precision: str
) -> None:
    panel = panel_of(find_model(str(native_model)))
    scorer, fresh = (Scorer(panel, precision, Device("cpu", "native", threads)) for threads in (1, 2))
    list(scorer.answers(["you are an idiot", "so are you", *("word " * count for count in range(1, 40))]))
    ((found, work, _),) = scorer.answers(BODIES)
    ((wanted, all_work, _),) = fresh.answers(BODIES)
    assert (work.duplicates, all_work.duplicates) == (2, 1)
    assert found == wanted  # to the last bit


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
