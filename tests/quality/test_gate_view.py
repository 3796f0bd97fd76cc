"""What the gate's view says of a row, one defect at a time."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from labelled_rows import VOCABULARY, Row, broken_rows, good_rows, scored, span, unscored
from pyspark.sql import DataFrame, SparkSession

from moderation.quality.ids import defective
from moderation.quality.view import UNLISTED, Vocabulary, gate_view, row_view

Frame = Callable[[list[Row]], DataFrame]


def complaints(row: Any) -> set[str]:
    """The columns of one row of the view that say that something is wrong."""
    wrong = {name for name, value in row.asDict().items() if value is True or value == UNLISTED}
    bounds = [name for name in ("score_min", "score_max") if row[name] is not None]
    return wrong | {name for name in bounds if not 0 <= row[name] <= 1}


@pytest.fixture(scope="module")
def complaints_by_defect(frame: Frame) -> dict[str, set[str]]:
    """Every broken row, looked at in one go: row_view keeps the order of its rows."""
    view = row_view(frame([row for row, _ in broken_rows().values()]), VOCABULARY)
    return dict(zip(broken_rows(), map(complaints, view.collect()), strict=True))


def test_good_rows_have_nothing_wrong(frame: Frame) -> None:
    view = gate_view(frame(good_rows()), None, VOCABULARY).collect()
    assert [complaints(row) for row in view] == [set()] * len(good_rows())


@pytest.mark.parametrize("defect", broken_rows())
def test_a_defect_is_seen_for_what_it_is_and_for_nothing_else(
    defect: str, complaints_by_defect: dict[str, set[str]]
) -> None:
    assert complaints_by_defect[defect] == set(broken_rows()[defect][1])


def test_every_check_of_a_row_is_broken_by_some_row(frame: Frame) -> None:
    broken = {name for _, names in broken_rows().values() for name in names}
    assert broken == set(row_view(frame([]), VOCABULARY).columns) - {"id", "body_not_text"}


def test_a_body_that_is_not_utf8_is_seen(frame: Frame) -> None:
    bodies = frame([scored(entities=[])]).selectExpr("* EXCEPT (body)", "cast(X'61FF' AS string) AS body")
    assert row_view(bodies, VOCABULARY).collect()[0].body_not_text


def test_repeated_ids_are_counted_row_by_row_and_null_is_not_an_id(frame: Frame) -> None:
    ids = ["a", "a", "a", "b", None, None]
    rows = frame([scored(id=name) for name in ids])
    view = gate_view(rows, defective(rows, None), VOCABULARY)
    assert view.where("id_repeated").count() == 3
    assert view.where("id_missing").count() == 2


def test_ids_that_differ_in_case_or_space_are_different_ids(frame: Frame) -> None:
    assert defective(frame([scored(id=name) for name in ("a", "A", "a ", "á")]), None) is None


def test_an_id_is_repeated_here_or_elsewhere_or_both(spark: SparkSession, frame: Frame) -> None:
    published = spark.createDataFrame([("a",), ("b",), ("x",), ("x",)], "id string")
    found = defective(frame([scored(id=name) for name in ("a", "a", "b", "c", "d", "d")]), published)
    assert found is not None
    assert sorted(map(tuple, found.collect())) == [("a", True, True), ("b", False, True), ("d", True, False)]


def test_an_id_published_twice_elsewhere_does_not_double_the_row(spark: SparkSession, frame: Frame) -> None:
    published = spark.createDataFrame([("a",), ("a",), ("x",), (None,)], "id string")
    rows = frame([scored(id=name) for name in ("a", "b", None)])
    view = gate_view(rows, defective(rows, published), VOCABULARY)
    assert sorted(row.id_published_elsewhere for row in view.collect()) == [False, False, True]


def test_the_view_has_no_column_that_could_hold_text_but_those_of_closed_lists(frame: Frame) -> None:
    types = dict(gate_view(frame([]), None, VOCABULARY).dtypes)
    assert {name for name, type_ in types.items() if type_ not in ("boolean", "double")} == {
        "status",
        "action",
        "severity",
    }


def test_a_model_without_entities_and_with_one_label_is_fine(frame: Frame) -> None:
    vocabulary = Vocabulary(("toxic",), (), VOCABULARY.actions, VOCABULARY.severities)
    labelled = frame([scored(labels=["toxic"], entities=[])])
    one = labelled.selectExpr("* EXCEPT (scores)", "struct(scores.toxic) AS scores")
    assert complaints(gate_view(one, None, vocabulary).collect()[0]) == set()


def test_words_with_quotes_and_backslashes_are_words_and_not_sql(frame: Frame) -> None:
    odd = ("it's", 'say "no"', "back\\slash", "') OR true --", "`tick`")
    vocabulary = Vocabulary(odd, VOCABULARY.entity_types, VOCABULARY.actions, VOCABULARY.severities)
    view = row_view(frame([scored(labels=[word]) for word in (*odd, "its")]), vocabulary)
    assert [row.labels_unknown for row in view.collect()] == [False] * len(odd) + [True]


def test_unscored_rows_may_leave_empty_what_a_model_would_have_filled(frame: Frame) -> None:
    row = row_view(frame([unscored(labels=None, entities=None, token_count=None)]), VOCABULARY).collect()[0]
    assert complaints(row) == set()


def oracle(body: str, spans: list[Row]) -> dict[str, bool]:
    """The contract in Python, whose strings count code points too."""
    ordered = sorted((s["start"], s["end"]) for s in spans)
    return {
        "spans_outside": any(
            not 0 <= s["start"] < s["end"] <= len(body) or body[s["start"] : s["end"]] != s["text"] for s in spans
        ),
        "spans_overlapping": any(b[0] < a[1] for a, b in pairwise(ordered)),
    }


characters = st.characters(exclude_categories=["Cs"]) | st.sampled_from("😀🏳️‍🌈é́ａ\u0000\n")
bodies = st.text(characters, max_size=12)


@st.composite
def body_and_spans(draw: st.DrawFn) -> tuple[str, list[Row]]:
    """Mostly right spans: the text at random offsets, sometimes with its end or text changed."""
    body, spans = draw(bodies), []
    for _ in range(draw(st.integers(0, 3))):
        start, end = draw(st.integers(-1, 12)), draw(st.integers(-1, 13))
        text = body[max(start, 0) : max(end, 0)] if draw(st.booleans()) else draw(bodies)
        spans.append(span(start, text, end=end))
    return body, spans


@settings(max_examples=5, suppress_health_check=list(HealthCheck))
@given(st.lists(body_and_spans(), min_size=100, max_size=100))
def test_spark_and_python_agree_on_what_a_span_covers(frame: Frame, cases: list[tuple[str, list[Row]]]) -> None:
    rows = [scored(body=body, entities=spans) for body, spans in cases]
    view = row_view(frame(rows), VOCABULARY).select("spans_outside", "spans_overlapping").collect()
    assert [row.asDict() for row in view] == [oracle(body, spans) for body, spans in cases]


def test_columns_of_the_input_are_none_of_the_views_business(frame: Frame) -> None:
    rows = frame(good_rows()).drop("author", "score").withColumnRenamed("token_count", "published")
    defects = defective(rows, frame(good_rows()).select("id"))
    assert defects is not None
    assert gate_view(rows, defects, VOCABULARY).where("id_published_elsewhere").count() == len(good_rows())
