"""What the gate accepts, what it refuses, and how it says so."""

import dataclasses
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from labelled_rows import COLUMNS, SUITE, Row, broken_rows, good_rows, scored
from pyspark.sql import DataFrame, SparkSession

from moderation.errors import UsageError
from moderation.quality.gate import Outcome

Frame = Callable[[list[Row]], DataFrame]
Judge = Callable[..., Outcome]
CHECKS = json.loads(SUITE.read_text(encoding="utf-8"))["expectations"]


def about(outcome: Outcome, column: str) -> list[str]:
    return [failure for failure in outcome.failures if failure.endswith(f"({column})")]


@pytest.fixture(scope="module")
def refusal(spark: SparkSession, frame: Frame, judge: Judge) -> Outcome:
    """One frame with every defect that a row can have, beside good rows."""
    rows = [row for row, _ in broken_rows().values()]
    broken = [row | {"id": f"t1_{n}"} if row["id"] and row["id"].strip() else row for n, row in enumerate(rows)]
    doubled = [scored(id="t1_twice"), scored(id="t1_twice"), scored(id="t1_elsewhere")]
    published = spark.createDataFrame([("t1_elsewhere",), ("t1_other",)], "id string")
    rows = broken + doubled + good_rows()
    return judge(frame(rows), len(rows), published)


def test_a_good_frame_passes_every_check(frame: Frame, judge: Judge) -> None:
    outcome = judge(frame(good_rows()), len(good_rows()))
    assert (outcome.success, outcome.failures) == (True, ())
    assert outcome.checks == len(CHECKS)


@pytest.mark.parametrize("defect", broken_rows())
def test_a_defect_is_refused_and_named_with_its_count(defect: str, refusal: Outcome) -> None:
    assert not refusal.success
    for column in broken_rows()[defect][1]:
        rows = sum(column in columns for _, columns in broken_rows().values())
        (failure,) = about(refusal, column)
        assert f"in {rows} of 61 rows" in failure


@pytest.mark.parametrize(("column", "rows"), [("id_repeated", 2), ("id_published_elsewhere", 1)])
def test_ids_are_unique_here_and_elsewhere(column: str, rows: int, refusal: Outcome) -> None:
    (failure,) = about(refusal, column)
    assert f"not so in {rows} of 61 rows" in failure


def test_a_failure_is_a_sentence_that_says_the_rule_and_the_rows(refusal: Outcome) -> None:
    assert "No score is above 1: not so in 2 of 61 rows (score_max)" in refusal.failures


def test_statistics_hold_every_check_with_its_count_and_fit_into_json(refusal: Outcome) -> None:
    statistics = json.loads(json.dumps(refusal.statistics))
    assert statistics["failed"] == len(refusal.failures)
    assert len(statistics["checks"]) == refusal.checks == len(CHECKS)
    counts = {check["column"]: check["unexpected_count"] for check in statistics["checks"]}
    assert counts["score_max"] == 2
    assert counts["score_min"] == 1


@pytest.mark.parametrize(("rows", "expected"), [(7, 8), (7, 6), (0, 0), (0, 7)], ids=["lost", "doubled", "none", "all"])
def test_rows_that_do_not_add_up_are_refused(rows: int, expected: int, frame: Frame, judge: Judge) -> None:
    outcome = judge(frame(good_rows()[:rows]), expected)
    assert not outcome.success
    if rows != expected:
        assert f"found {rows} instead of {expected}" in outcome.failures[-1]
    if not rows:
        assert outcome.failures[0] == "There is at least one row: found 0"


@pytest.mark.parametrize("column", [name for name in COLUMNS if name not in ("author", "score")])
def test_every_column_of_the_contract_is_checked(column: str) -> None:
    assert [rule["kwargs"]["column"] for rule in CHECKS if rule.get("meta")].count(column) == 1


def test_the_suite_expects_the_types_of_the_contract() -> None:
    contract = json.loads((SUITE.parents[1] / "labelled.json").read_text(encoding="utf-8"))
    expected = {rule["kwargs"]["column"]: rule["kwargs"].get("value_set") for rule in CHECKS if rule.get("meta")}
    for column in contract["columns"]:
        by_set = [column["type"]] if column["type"] != "struct" else None  # the fields of scores depend on the model
        assert expected[column["name"]] == by_set


def test_a_frame_without_a_column_is_refused_before_its_rows_are_looked_at(frame: Frame, judge: Judge) -> None:
    outcome = judge(frame(good_rows()).drop("status", "scores"), 7)
    assert outcome.failures == (
        "Column status is a string: it is missing",
        "Column scores is a struct of floats, one for each label: it is missing",
    )


@pytest.mark.parametrize(
    ("column", "sql", "found"),
    [
        ("flagged", "'yes'", "string"),
        ("labels", "array(1)", "array<int>"),
        ("scores", "named_struct('toxic', '0.5')", "struct<toxic:string>"),
        ("entities", "array(named_struct('start', 1L, 'end', 2L))", "array<struct<start:bigint,end:bigint>>"),
        ("date", "DATE'2026-11-22'", "date"),
    ],
)
def test_a_column_of_another_type_is_refused(column: str, sql: str, found: str, frame: Frame, judge: Judge) -> None:
    outcome = judge(frame(good_rows()).selectExpr(f"* EXCEPT ({column})", f"{sql} AS {column}"), 7)
    (failure,) = outcome.failures
    assert failure.startswith(f"Column {column} is a ")
    assert failure.endswith(f": it is {found}")


def test_an_input_column_that_spark_cannot_tell_from_ours_is_refused(frame: Frame, judge: Judge) -> None:
    outcome = judge(frame(good_rows()).selectExpr("*", "'x' AS Flagged"), 7)
    assert outcome.failures == ("Column flagged is a boolean: it is ambiguous",)


def write_suite(folder: Path, *rules: dict[str, Any]) -> Path:
    path = folder / "suite.json"
    path.write_text(json.dumps({"expectations": rules}), encoding="utf-8")
    return path


def never(column: str, **limits: Any) -> dict[str, Any]:
    kwargs = {"column": column, "value_set": [False], **limits}
    return {"type": "expect_column_values_to_be_in_set", "kwargs": kwargs}


def test_a_limit_can_be_tuned_in_the_suite(frame: Frame, judge: Judge, tmp_path: Path) -> None:
    labelled = frame([scored(flagged=False), *good_rows()[1:]])
    lenient = write_suite(tmp_path, never("flagged_without_cause", mostly=0.8))
    assert judge(labelled, 7, suite=lenient).success
    strict = write_suite(tmp_path, never("flagged_without_cause", mostly=0.9))
    assert judge(labelled, 7, suite=strict).failures == (
        "expect_column_values_to_be_in_set(flagged_without_cause): not so in 1 of 7 rows (flagged_without_cause)",
    )


def test_a_check_that_cannot_run_is_a_failure_and_says_why(frame: Frame, judge: Judge, tmp_path: Path) -> None:
    outcome = judge(frame(good_rows()), 7, suite=write_suite(tmp_path, never("id_missing"), never("no_such_column")))
    (failure,) = outcome.failures
    assert failure.startswith("the check 'expect_column_values_to_be_in_set(no_such_column)' could not run: ")
    assert 'Error: The column "no_such_column" in BatchData does not exist' in failure
    assert not outcome.success


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{}",
        '{"expectations": []}',
        '{"expectations": [{"type": "expect_miracles", "kwargs": {}}]}',
        '{"expectations": [{"type": "expect_column_values_to_be_in_set", "kwargs": {"column": "a", "valeu_set": []}}]}',
        '{"expectations": [{"type": "expect_table_row_count_to_equal", "kwargs": {"value": 1}, "descripton": ""}]}',
    ],
    ids=["empty", "no expectations", "nothing expected", "unknown expectation", "unknown argument", "unknown key"],
)
def test_a_suite_that_cannot_be_used_is_the_callers_mistake(
    content: str, frame: Frame, judge: Judge, tmp_path: Path
) -> None:
    suite = tmp_path / "suite.json"
    suite.write_text(content, encoding="utf-8")
    with pytest.raises(UsageError, match=r"suite\.json cannot be used"):
        judge(frame([]), 0, suite=suite)


def test_an_outcome_cannot_be_changed_afterwards(refusal: Outcome) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        refusal.success = True  # type: ignore[misc]


def test_the_gate_can_be_imported_without_its_heavy_libraries() -> None:
    code = "import moderation.quality.gate, sys; print({'pyspark', 'great_expectations', 'pandas'} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"
