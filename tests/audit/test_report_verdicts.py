"""A report with verdicts: the estimates are those of `audit estimate`, and few verdicts make no figure."""

import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from moderation.audit.design import Design, SampleFolder, Stratum
from moderation.audit.document import percent
from moderation.audit.estimate import estimate
from moderation.audit.report import Wanted, write_report
from moderation.audit.truth import bins, judged_rows
from moderation.audit.verdict import Verdict
from moderation.audit.verdicts import append, settled
from tests.audit.reported import LABELS, SCHEMA, THRESHOLDS, published, row
from tests.audit.test_report_page import Page

OURS = [("stratum", pa.string()), ("probability", pa.float64()), ("weight", pa.float64()), ("duplicates", pa.int32())]


@pytest.fixture
def output(tmp_path) -> Path:
    """A run of 600 rows; a third has the label insult."""
    rows = [row(n, f"text {n} <b>", (n * 37 % 100) / 100, (n * 61 % 100) / 200) for n in range(600)]
    published(tmp_path, rows)
    draw(tmp_path, rows)
    return tmp_path


def draw(output: Path, rows: list[dict]) -> None:
    """A sample of all flagged rows and of every second other one."""
    strata = {True: [one for one in rows if one["flagged"]], False: [one for one in rows if not one["flagged"]]}
    drawn = [one | chosen("flagged", 1.0) for one in strata[True]]
    drawn += [one | chosen("not flagged", 0.5) for one in strata[False][::2]]
    drawn = [one | {"place": place, "run_id": "x"} for place, one in enumerate(drawn)]
    folder = SampleFolder(output / "audits" / "0123456789ab")
    folder.path.mkdir(parents=True)
    schema = pa.schema([*SCHEMA, ("date", pa.string()), *OURS, ("place", pa.int32())])
    pq.write_table(pa.Table.from_pylist(drawn, schema=schema), folder.sample)
    made = [
        Stratum(
            name=name,
            leading="insult",
            band="near",
            action="review" if flag else "none",
            rows=len(strata[flag]),
            drawn=sum(one["stratum"] == name for one in drawn),
            given={label: sum(label in one["labels"] for one in strata[flag]) for label in LABELS},
        )
        for name, flag in (("flagged", True), ("not flagged", False))
    ]
    design = Design(
        sample_id="0123456789ab",
        run_id="20260105T000000Z-abcdef",
        seed=7,
        thresholds=THRESHOLDS,
        labels=list(LABELS),
        strata=made,
        frame="f" * 16,
        created="2026-01-06T00:00:00+00:00",
        version="0",
    )
    folder.design.write_text(design.model_dump_json(), encoding="utf-8")


def chosen(stratum: str, probability: float) -> dict:
    """What a sample adds to a row."""
    return {"stratum": stratum, "probability": probability, "weight": 1 / probability, "duplicates": 1}


def judge(output: Path, label: str) -> SampleFolder:
    """One reviewer's word on every sampled row: truly so where the score is above 0.4, and in every tenth row."""
    folder = SampleFolder(output / "audits" / "0123456789ab")
    rows = pq.read_table(folder.sample).to_pylist()
    words = ["yes" if one["scores"][label] > 0.4 or int(one["id"][1:]) % 10 == 0 else "no" for one in rows]
    append(folder, [Verdict(one["id"], label, "Ada", word) for one, word in zip(rows, words, strict=True)])
    return folder


def text_of(path: Path) -> str:
    """The words of a page."""
    return " ".join("".join(f"{text} " for text in Page(path.read_text(encoding="utf-8")).text).split())


def test_a_sample_without_verdicts_says_so_and_how_to_import_them(output) -> None:
    path = write_report(output, "latest", Wanted(words=False))
    assert path == output / "audits" / "0123456789ab" / "report.html"
    said = text_of(path)
    assert "there are no verdicts on it yet" in said
    assert re.search(r"moderation audit verdicts import FILE --output \S+ --sample 0123456789ab", said)


def test_estimates_on_the_page_are_those_of_the_command(output) -> None:
    folder = judge(output, "insult")
    found = {one.measure: one for one in estimate(folder, settled(folder)) if one.label == "insult"}
    said = text_of(write_report(output, "latest", Wanted(words=False)))
    for measure, one in found.items():
        name = measure.replace("_", " ")
        told = f"whole run insult {name} {percent(one.value)} {percent(one.low)} to {percent(one.high)}"
        assert told in said
    sampled = pq.read_table(folder.sample).to_pylist()
    given = [one for one in sampled if "insult" in one["labels"]]  # all of them are flagged, and so all are sampled
    right = sum(one["scores"]["insult"] > 0.4 or int(one["id"][1:]) % 10 == 0 for one in given)
    assert f"whole run insult precision {right / len(given):.1%}" in said
    assert f"{len(sampled)} of {len(sampled)} sampled rows were judged by people" in said


def test_a_label_that_nobody_judged_has_no_figure(output) -> None:
    judge(output, "insult")
    said = text_of(write_report(output, "latest", Wanted(words=False)))
    assert "Nobody has judged offensive: nothing is known of them." in said
    assert "whole run offensive" not in said


def test_too_few_verdicts_make_no_figure(output) -> None:
    folder = SampleFolder(output / "audits" / "0123456789ab")
    rows = pq.read_table(folder.sample).to_pylist()[:4]
    append(folder, [Verdict(one["id"], "insult", "Ada", "yes") for one in rows])
    said = text_of(write_report(output, "latest", Wanted(words=False)))
    assert "Not enough verdicts to tell the recall of insult." in said
    assert re.search(r"whole run insult recall unknown \d not enough verdicts", said)
    assert "Fewer than 40 verdicts: offensive, insult." in said


def test_reliability_is_weighted_as_the_rows_were_drawn(output) -> None:
    folder = judge(output, "insult")
    judged = judged_rows(pq.read_table(folder.sample).to_pandas(), settled(folder))
    assert len(judged) == pq.read_metadata(folder.sample).num_rows
    points = bins(judged)
    assert [score for score, _ in points] == sorted(score for score, _ in points)
    assert points[-1][1].value == 1.0  # all scores above 0.4
    total = sum((judged.verdict == "yes") * judged.weight) / judged.weight.sum()
    assert min(share.value for _, share in points) < total < 1
    assert all(share.low <= share.value <= share.high for _, share in points)


def test_examples_are_the_first_of_every_stratum_with_what_reviewers_said(output) -> None:
    judge(output, "insult")
    said = text_of(write_report(output, "latest", Wanted(words=False, examples=3)))
    examples = said.split("The first rows of every stratum of the sample", 1)[1]
    assert examples.count("Reviewers say: insult:") == 6 and "Show text 6" in examples and "Show text 7" not in examples
    assert "verdicts, as JSON" in said
