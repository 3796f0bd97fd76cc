"""The scoring column, as a user of Spark meets it."""

import pytest

from moderation.errors import UsageError
from moderation.inference.moderator import Moderator
from moderation.spark import moderate

BODIES = [
    "you are an idiot",
    "nice weather in Paris",
    None,
    "[deleted]",
    "",
    "\x00\x01",
    "👨‍👩‍👧 in Zürich",
    "word " * 300,
]


@pytest.fixture(scope="module")
def answers(spark, tiny_model):
    rows = [(index, body) for index, body in enumerate(BODIES)]
    frame = spark.createDataFrame(rows, "number int, body string").repartition(3)
    column = moderate("body", str(tiny_model), precision="fp32")
    found = frame.withColumn("moderation", column).collect()
    return {row["number"]: row["moderation"] for row in found}


def test_every_row_gets_an_answer(answers) -> None:
    assert sorted(answers) == list(range(len(BODIES)))


def test_the_column_says_what_the_python_interface_says(answers, tiny_model) -> None:
    expected = Moderator.load(str(tiny_model), "fp32").score(BODIES)
    for number, result in enumerate(expected):
        row = answers[number]
        assert (row["status"], row["status_reason"]) == (result.status, result.status_reason)
        assert (row["scores"].asDict() if row["scores"] else {}) == pytest.approx(result.scores, abs=1e-4)
        assert row["labels"] == result.labels
        assert [(e["start"], e["end"], e["type"]) for e in row["entities"]] == [
            (e.start, e.end, e.type) for e in result.entities
        ]


def test_entities_are_cut_from_the_body_by_code_points(answers) -> None:
    for number, row in answers.items():
        for entity in row["entities"]:
            assert BODIES[number][entity["start"] : entity["end"]] == entity["text"]


def test_null_and_deleted_bodies_are_skipped_with_a_reason(answers) -> None:
    assert [answers[number]["status_reason"] for number in (2, 3, 4, 5)] == [
        "missing",
        "deleted",
        "empty",
        "no_readable_text",
    ]
    assert all(answers[number]["scores"] is None for number in (2, 3, 4, 5))


def test_long_text_has_its_evidence_window(answers) -> None:
    row = answers[7]
    assert row["window_count"] > 1
    assert 0 <= row["evidence"]["start"] < row["evidence"]["end"] <= len(BODIES[7])


def test_a_model_that_is_not_there_is_refused_on_the_driver() -> None:
    with pytest.raises(UsageError, match="no/such/model"):
        moderate("body", "no/such/model")
