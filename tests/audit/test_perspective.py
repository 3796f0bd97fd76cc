"""Scores leave in the shape that readers of Perspective's responses know."""

import json

import pytest

from moderation.audit.labelled_rows import labelled_rows
from moderation.audit.perspective import attributes
from moderation.audit.published import find_run
from moderation.cli import app, exit_code
from moderation.errors import UsageError
from tests.audit.run_by_hand import DAYS, labelled, published
from tests.runs.publications import MONDAY, TUESDAY, publication


def export(*words: str) -> int:
    return exit_code(lambda: app(["audit", "export", "--format", "perspective", *words], standalone_mode=False))


def test_every_scored_row_is_a_response_with_the_runs_own_scores(tmp_path, capsys) -> None:
    rows = [labelled(number, DAYS[0]) for number in range(5)]
    rows.append(labelled(7, DAYS[0], status="skipped", scores=None))
    published(tmp_path / "out", {DAYS[0]: rows})
    assert export("--output", str(tmp_path / "out"), "--to", str(tmp_path / "r.ndjson")) == 0
    found = [json.loads(line) for line in (tmp_path / "r.ndjson").read_text(encoding="utf-8").splitlines()]
    assert [one["clientToken"] for one in found] == [row["id"] for row in rows[:5]]
    assert set(found[0]["attributeScores"]) == {"TOXICITY", "PROFANITY", "THREAT", "INSULT"}
    for one, row in zip(found, rows, strict=False):
        for name, label in (("TOXICITY", "toxicity"), ("PROFANITY", "obscene"), ("INSULT", "insult")):
            assert one["attributeScores"][name]["summaryScore"] == {
                "value": row["scores"][label],
                "type": "PROBABILITY",
            }
    told = capsys.readouterr().out
    assert "5 responses" in told and "no attribute of Perspective's: offensive" in told


def test_a_run_without_any_of_its_attributes_is_refused() -> None:
    with pytest.raises(UsageError, match=r"none of the run's labels \(rude, kind\) is an attribute"):
        attributes(["rude", "kind"])


def test_odd_options_are_one_line(tmp_path, capsys) -> None:
    assert export("--output", str(tmp_path), "--to", "x.csv") == 2
    assert "must end in .ndjson or .jsonl" in capsys.readouterr().err
    assert export("--output", str(tmp_path), "--to", "x.ndjson", "--platform", "p.yaml") == 2
    assert "--platform goes with --format dsa only" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["parquet", "delta"])
def test_rows_of_both_publish_formats_are_read_with_their_dates_also_after_they_were_replaced(kind, tmp_path) -> None:
    first = publication(tmp_path, {"a" * 16: {MONDAY: 3, TUESDAY: 2}}, kind)
    publication(tmp_path, {"a" * 16: {MONDAY: 4}}, kind)
    rows = [row for batch in labelled_rows(tmp_path, find_run(tmp_path, first.run_id), ["id", "date"]) for row in batch]
    assert sorted(row["date"] for row in rows) == [MONDAY] * 3 + [TUESDAY] * 2
