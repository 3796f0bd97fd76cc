"""Rows of a labelled frame: good ones, and good ones with one thing changed."""

from pathlib import Path
from typing import Any

from moderation.quality.view import Vocabulary

SUITES = Path(__file__).parents[2] / "schemas" / "expectations"
VOCABULARY = Vocabulary(
    labels=("toxic", "it's an insult"),
    entity_types=("PER", "LOC"),
    actions=("keep", "review", "remove"),
    severities=("none", "low", "high"),
)
COLUMNS = {
    "id": "string",
    "author": "string",
    "body": "string",
    "score": "bigint",  # an input column that nobody checks; its name is close to one of ours
    "date": "string",
    "text_sha256": "string",
    "status": "string",
    "status_reason": "string",
    "scores": "struct<toxic:float,`it's an insult`:float>",
    "labels": "array<string>",
    "flagged": "boolean",
    "entities": "array<struct<start:int,end:int,type:string,text:string,score:float>>",
    "evidence": "struct<start:int,end:int>",
    "action": "string",
    "severity": "string",
    "rules": "array<string>",
    "token_count": "int",
    "window_count": "int",
    "model_id": "string",
    "policy_id": "string",
    "run_id": "string",
}
Row = dict[str, Any]


def span(start: int, text: str, type_: str = "PER", end: int | None = None) -> Row:
    stop = start + len(text) if end is None else end
    return {"start": start, "end": stop, "type": type_, "text": text, "score": 0.9}


def scored(**changes: Any) -> Row:
    """A scored row in which all is well, but for the changes."""
    row = {
        "id": "t1_a",
        "author": "somebody",
        "body": "Ann likes Paris",
        "score": 3,
        "date": "2026-11-22",
        "text_sha256": "0123456789abcdef" * 4,
        "status": "scored",
        "status_reason": None,
        "scores": {"toxic": 0.0, "it's an insult": 1.0},
        "labels": ["it's an insult"],
        "flagged": True,
        "entities": [span(10, "Paris", "LOC"), span(0, "Ann")],
        "evidence": None,
        "action": "review",
        "severity": "low",
        "rules": [],
        "token_count": 5,
        "window_count": 1,
        "model_id": "m",
        "policy_id": "p",
        "run_id": "r",
    }
    assert changes.keys() <= row.keys()
    return row | changes


def unscored(**changes: Any) -> Row:
    """A row that was skipped, with as much null as the contract allows."""
    nothing: Row = {
        "body": "[deleted]",
        "text_sha256": None,
        "scores": None,
        "labels": [],
        "entities": [],
        "flagged": False,
    }
    skipped = {"status": "skipped", "status_reason": "deleted", "model_id": None, "date": "unknown"}
    return scored(**(nothing | skipped | {"id": "t1_skipped", "action": "keep", "severity": "none"} | changes))


def good_rows() -> list[Row]:
    """One row of each kind."""
    clean: Row = {"scores": {"toxic": 0.1, "it's an insult": 0.2}, "labels": [], "flagged": False}
    return [
        scored(),
        scored(id="t1_clean", body="fine", entities=[], action="keep", severity="none", **clean),
        scored(id="t1_emoji", body="😀🏳️‍🌈 Ann é", entities=[span(6, "Ann")]),
        scored(id="t1_long", body="x" * 5000, entities=[], evidence={"start": 4000, "end": 5000}, window_count=9),
        scored(id="t1_ruled", labels=[], rules=["links"], entities=[]),
        unscored(),
        unscored(id="t1_failed", body="\ud7ff", status="failed", status_reason="out of memory"),
    ]


def broken_rows() -> dict[str, tuple[Row, tuple[str, ...]]]:
    """What is wrong with a row → the row, and every column of the gate's view that must say so."""
    nan, nothing = float("nan"), {"toxic": None, "it's an insult": None}
    utf16 = span(3, "Ann")  # 😀 is one code point and two units of UTF-16, so Ann begins at 2
    deleted: Row = {"labels": [], "entities": [], "flagged": False, "status": "skipped"}
    return {
        "id is null": (scored(id=None), ("id_missing",)),
        "id is blank": (scored(id="  "), ("id_missing",)),
        "body is null": (scored(body=None, entities=[]), ("body_missing",)),
        "date in another order": (scored(date="22-11-2026"), ("date_malformed",)),
        "date that does not exist": (scored(date="2026-13-45"), ("date_malformed",)),
        "date is null": (scored(date=None), ("date_malformed",)),
        "skipped without a reason": (unscored(status_reason=None), ("status_reason_missing",)),
        "skipped for a blank reason": (unscored(status_reason=" "), ("status_reason_missing",)),
        "score of 1.5": (scored(scores={"toxic": 0.0, "it's an insult": 1.5}), ("score_max",)),
        "negative score": (scored(scores={"toxic": -0.1, "it's an insult": 1.0}), ("score_min",)),
        "score is NaN": (scored(scores={"toxic": nan, "it's an insult": 1.0}), ("score_max", "scores_missing")),
        "one score is null": (scored(scores={"toxic": None, "it's an insult": 1.0}), ("scores_missing",)),
        "all scores are null": (scored(scores=nothing), ("scores_missing",)),
        "scored without scores": (scored(scores=None), ("scores_missing",)),
        "skipped with scores": (scored(status_reason="deleted", **deleted), ("scores_unexpected",)),
        "unknown label": (scored(labels=["rude"]), ("labels_unknown",)),
        "label is null": (scored(labels=[None]), ("labels_unknown",)),
        "labels are null": (scored(labels=None, rules=["links"]), ("decision_incomplete",)),
        "rules are null": (scored(rules=None), ("decision_incomplete",)),
        "entities are null": (scored(entities=None), ("decision_incomplete",)),
        "flagged is null": (scored(flagged=None), ("decision_incomplete", "flagged_without_cause")),
        "flagged without a label": (scored(labels=[]), ("flagged_without_cause",)),
        "label without a flag": (scored(flagged=False), ("flagged_without_cause",)),
        "rule without a flag": (scored(flagged=False, labels=[], rules=["x"]), ("flagged_without_cause",)),
        "unknown entity type": (scored(entities=[span(0, "Ann", "per")]), ("entity_types_unknown",)),
        "entity type is null": (scored(entities=[span(0, "Ann") | {"type": None}]), ("entity_types_unknown",)),
        "negative offset": (scored(entities=[span(-3, "Ann")]), ("spans_outside",)),
        "end before start": (scored(entities=[span(4, "Ann", end=3)]), ("spans_outside",)),
        "empty span": (scored(entities=[span(4, "")]), ("spans_outside",)),
        "end beyond the body": (scored(entities=[span(10, "Paris!")]), ("spans_outside",)),
        "offsets as large as they get": (scored(entities=[span(2**31 - 1, "", end=-(2**31))]), ("spans_outside",)),
        "text that is not in the body": (scored(entities=[span(0, "Bob")]), ("spans_outside",)),
        "text in other case": (scored(entities=[span(0, "ANN")]), ("spans_outside",)),
        "entity without text": (scored(entities=[span(0, "Ann") | {"text": None}]), ("spans_outside",)),
        "entity without end": (scored(entities=[span(0, "Ann") | {"end": None}]), ("spans_outside",)),
        "entity of a null body": (scored(body=None), ("spans_outside", "body_missing")),
        "offsets that count UTF-16": (scored(body="😀 Ann is here", entities=[utf16]), ("spans_outside",)),
        "entity is null": (scored(entities=[None]), ("spans_outside", "entity_types_unknown")),
        "the same entity twice": (scored(entities=[span(0, "Ann"), span(0, "Ann")]), ("spans_overlapping",)),
        "overlap out of order": (scored(entities=[span(4, "likes"), span(0, "Ann likes")]), ("spans_overlapping",)),
        "evidence beyond the body": (scored(evidence={"start": 0, "end": 16}), ("evidence_outside",)),
        "evidence without end": (scored(evidence={"start": 0, "end": None}), ("evidence_outside",)),
        "digest is null": (scored(text_sha256=None), ("digest_missing",)),
        "digest of the wrong length": (scored(text_sha256="abc"), ("digest_missing",)),
        "no model": (scored(model_id=None), ("provenance_missing",)),
        "no policy": (unscored(policy_id=None), ("provenance_missing",)),
        "no run": (unscored(run_id=None), ("provenance_missing",)),
        "status that is not one": (scored(status="done", status_reason="x"), ("status", "scores_unexpected")),
        "status is null": (unscored(status=None), ("status",)),
        "unknown action": (scored(action="shrug"), ("action",)),
        "action is null": (scored(action=None), ("action",)),
        "unknown severity": (scored(severity="Low"), ("severity",)),
    }
