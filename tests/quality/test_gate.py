"""What the gate accepts, what it refuses, and how it says so."""

import dataclasses
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from labelled_rows import COLUMNS, SUITES, Row, broken_rows, good_rows, scored
from pyspark.sql import DataFrame, SparkSession

from moderation.errors import UsageError
from moderation.quality.gate import Outcome
from moderation.quality.suites import read_suite

Frame = Callable[[list[Row]], DataFrame]
Judge = Callable[..., Outcome]
RULES = {
    name: json.loads((SUITES / f"{name}.json").read_text(encoding="utf-8"))["expectations"]
    for name in ("comments", "labelled", "quarantine")
}
CHECKS = [  # without a history there are no shares to judge, and without a frame no quarantine
    rule for name in ("comments", "labelled") for rule in RULES[name] if rule.get("meta", {}).get("table") != "shares"
]


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


def test_a_run_id_that_looks_like_a_date_with_an_impossible_time_zone_is_a_name(frame: Frame, judge: Judge) -> None:
    rows = good_rows()
    assert judge(frame(rows), len(rows), run_id="20261124T025300Z-63a7a8a").success  # one id in two thousand


@pytest.mark.parametrize("defect", broken_rows())
def test_a_defect_is_refused_and_named_with_its_count(defect: str, refusal: Outcome) -> None:
    assert not refusal.success
    for column in broken_rows()[defect][1]:
        rows = sum(column in columns for _, columns in broken_rows().values())
        (failure,) = about(refusal, column)
        assert f"in {rows} of 62 rows" in failure


@pytest.mark.parametrize(("column", "rows"), [("id_repeated", 2), ("id_published_elsewhere", 1)])
def test_ids_are_unique_here_and_elsewhere(column: str, rows: int, refusal: Outcome) -> None:
    (failure,) = about(refusal, column)
    assert f"not so in {rows} of 62 rows" in failure


def test_a_failure_is_a_sentence_that_says_the_rule_and_the_rows(refusal: Outcome) -> None:
    assert "No score is above 1: not so in 2 of 62 rows (score_max)" in refusal.failures


def test_statistics_hold_every_check_with_its_count_and_fit_into_json(refusal: Outcome) -> None:
    statistics = json.loads(json.dumps(refusal.statistics))
    assert statistics["failed"] == len(refusal.failures)
    assert len(statistics["checks"]) == refusal.checks == len(CHECKS)
    counts = {check["column"]: check["unexpected_count"] for check in statistics["checks"]}
    assert counts["score_max"] == 2
    assert counts["score_min"] == 1


@pytest.mark.parametrize(("rows", "expected"), [(7, 8), (0, 7)], ids=["one lost", "all lost"])
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
    expected = {
        rule["kwargs"]["column"]: rule["kwargs"]["value_set"]
        for rules in RULES.values()
        for rule in rules
        if rule.get("meta", {}).get("table") == "columns"
    }
    for name, prefix in (("labelled", ""), ("quarantine", "quarantine.")):
        for column in json.loads((SUITES.parent / f"{name}.json").read_text(encoding="utf-8"))["columns"]:
            by_model = column["type"] == "struct"  # the fields of scores depend on the model
            assert expected[prefix + column["name"]] == ({"$PARAMETER": "scores"} if by_model else [column["type"]])


def test_the_suite_knows_every_reason_for_quarantine() -> None:
    contract = json.loads((SUITES.parent / "quarantine.json").read_text(encoding="utf-8"))
    (rule,) = [rule for rule in RULES["quarantine"] if rule["kwargs"].get("column") == "reason"]
    assert rule["kwargs"]["value_set"] == list(contract["reasons"])


def test_a_frame_without_a_column_is_refused_before_its_rows_are_looked_at(frame: Frame, judge: Judge) -> None:
    outcome = judge(frame(good_rows()).drop("status", "scores"), 7)
    assert outcome.failures == (
        "Column status is a string: it is missing",
        "Column scores is a struct of floats, one for each of the models' labels in their order: it is missing",
    )


@pytest.mark.parametrize(
    ("column", "sql", "found"),
    [
        ("flagged", "'yes'", "string"),
        ("labels", "array(1)", "array<int>"),
        ("scores", "named_struct('toxic', '0.5')", "struct<toxic:string>"),
        ("scores", "named_struct('toxic', 0.5F)", "struct<toxic:float>"),
        ("scores", "named_struct('it\\'s an insult', 0F, 'toxic', 0F)", "struct<it's an insult:float,toxic:float>"),
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


def write_suites(folder: Path, *rules: dict[str, Any]) -> Path:
    """The project's suites, but for that of the labelled rows, which holds these rules."""
    for name in ("comments", "quarantine"):
        shutil.copy(SUITES / f"{name}.json", folder)
    (folder / "labelled.json").write_text(json.dumps({"expectations": rules}), encoding="utf-8")
    return folder


def never(column: str, **limits: Any) -> dict[str, Any]:
    kwargs = {"column": column, "value_set": [False], **limits}
    return {"type": "expect_column_values_to_be_in_set", "kwargs": kwargs}


def test_a_limit_can_be_tuned_in_the_suite(frame: Frame, judge: Judge, tmp_path: Path) -> None:
    labelled = frame([scored(flagged=False), *good_rows()[1:]])
    lenient = write_suites(tmp_path, never("flagged_without_cause", mostly=0.8))
    assert judge(labelled, 7, suites=lenient).success
    strict = write_suites(tmp_path, never("flagged_without_cause", mostly=0.9))
    assert judge(labelled, 7, suites=strict).failures == (
        "expect_column_values_to_be_in_set(flagged_without_cause): not so in 1 of 7 rows (flagged_without_cause)",
    )


def test_a_check_that_cannot_run_is_a_failure_and_says_why(frame: Frame, judge: Judge, tmp_path: Path) -> None:
    suites = write_suites(tmp_path, never("digest_missing"), never("no_such_column"))
    outcome = judge(frame(good_rows()), 7, suites=suites)
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
        '{"expectations": [{"type": "expect_column_to_exist", "kwargs": {"column": "a"}, "meta": {"table": "x"}}]}',
        '{"expectations": [1]}',
    ],
    ids=[
        *("empty", "no expectations", "nothing expected", "unknown expectation", "unknown argument", "unknown key"),
        *("unknown table", "no expectation"),
    ],
)
def test_a_suite_that_cannot_be_used_is_the_callers_mistake(content: str, tmp_path: Path) -> None:
    suite = tmp_path / "suite.json"
    suite.write_text(content, encoding="utf-8")
    with pytest.raises(UsageError, match=r"suite\.json cannot be used"):
        read_suite(suite)


def test_an_outcome_cannot_be_changed_afterwards(refusal: Outcome) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        refusal.success = True  # type: ignore[misc]


def test_the_gate_can_be_imported_without_its_heavy_libraries() -> None:
    code = "import moderation.quality.gate, sys; print({'pyspark', 'great_expectations', 'pandas'} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"
