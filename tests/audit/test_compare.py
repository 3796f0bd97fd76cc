"""A run's scores beside stored ones: figures that are known are found, and files of every shape are read or named."""

import csv
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from moderation.audit.baseline import read_baseline
from moderation.audit.compare import RANKED, compare, join, matching
from moderation.cli import app, exit_code
from moderation.errors import UsageError
from tests.audit.run_by_hand import DAYS, labelled, published

WANTED = ["TOXICITY", "INSULT"]


def pair(ours, theirs) -> pd.DataFrame:
    return pd.DataFrame({"id": [str(n) for n in range(len(ours))], "insult": ours, "INSULT": theirs})


def test_scores_in_the_same_order_agree_wholly_at_the_matching_threshold() -> None:
    theirs = np.random.default_rng(1).permutation(np.linspace(0, 1, 1001))
    found = compare(pair(theirs**2, theirs), "insult", "INSULT", 0.5, [0.8])
    assert found.spearman.value == pytest.approx(1) and found.kendall.value == pytest.approx(1)
    (at,) = found.at
    assert at.threshold.value == pytest.approx(0.64, abs=2e-3) and at.rate == at.baseline_rate == pytest.approx(
        201 / 1001
    )
    assert (at.same.value, at.same.low, at.kappa) == (1.0, 1.0, pytest.approx(1.0))
    assert at.same_now.value == pytest.approx(1 - 93 / 1001, abs=2e-3), "0.5 flags from the root of 0.5 on"
    assert at.threshold.low <= at.threshold.value <= at.threshold.high


def test_unrelated_scores_have_intervals_around_nothing() -> None:
    rng = np.random.default_rng(2)
    found = compare(pair(rng.random(400), rng.random(400)), "insult", "INSULT", 0.5, [0.7])
    for figure in (found.spearman, found.kendall):
        assert figure.low < 0 < figure.high and figure.high - figure.low < 0.25
    assert abs(found.at[0].kappa) < 0.2


def noisy(seed: int, count: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    theirs = rng.random(count)
    return pair(np.clip(0.7 * theirs + 0.3 * rng.random(count), 0, 1), theirs)


def test_the_interval_of_the_threshold_holds_the_truth_about_as_often_as_it_says(monkeypatch) -> None:
    monkeypatch.setattr("moderation.audit.compare.RESAMPLES", 200)
    truth = float(np.quantile(noisy(0, 1_000_000).insult, 0.8))
    held = 0
    for seed in range(1, 31):
        (at,) = compare(noisy(seed, 300), "insult", "INSULT", 0.5, [0.8], seed).at
        held += at.threshold.low <= truth <= at.threshold.high
    assert held >= 25, "28 or 29 of 30 are expected"


def test_resampled_and_computed_intervals_of_correlations_are_alike() -> None:
    rng = np.random.default_rng(3)
    shared = rng.random(RANKED + 1)
    ours, theirs = shared + rng.random(RANKED + 1), shared + rng.random(RANKED + 1)
    many = compare(pair(ours / 2, theirs / 2), "insult", "INSULT", 0.5, [])
    some = compare(pair(ours[:3000] / 2, theirs[:3000] / 2), "insult", "INSULT", 0.5, [])
    assert "Fisher" in many.intervals and "200 resamples" in some.intervals
    for one, other in ((many.spearman, some.spearman), (many.kendall, some.kendall)):
        scale = np.sqrt((RANKED + 1) / 3000)
        assert (other.high - other.low) == pytest.approx(scale * (one.high - one.low), rel=0.3)


def test_the_same_seed_gives_the_same_figures() -> None:
    rng = np.random.default_rng(4)
    frame = pair(rng.random(200), rng.random(200))
    assert compare(frame, "insult", "INSULT", 0.5, [0.5]) == compare(frame, "insult", "INSULT", 0.5, [0.5])


def test_few_rows_and_constant_scores_are_said_and_no_figure_is_made_up() -> None:
    few = compare(pair([0.5] * 29, [0.5] * 29), "insult", "INSULT", 0.5, [0.5])
    assert few.spearman.value is None and few.at == [] and "fewer than 30 rows" in few.note
    flat = compare(pair(np.full(40, 0.5), np.linspace(0, 0.5, 40)), "insult", "INSULT", 0.5, [0.9])
    assert flat.spearman.value is None and "same score" in flat.note
    (at,) = flat.at
    assert (at.threshold.value, at.rate, at.kappa, at.same.value) == (None, None, None, None)


def test_the_matching_threshold_flags_as_many_rows_where_no_scores_are_tied() -> None:
    rng = np.random.default_rng(5)
    for count in (0, 1, 17, 50):
        ours = rng.permutation(np.linspace(0, 1, 50))
        matched = matching(ours, np.arange(50) < count)
        assert (matched is None) if count == 0 else (ours >= matched).sum() == count


def test_rows_that_only_one_of_the_two_has_are_counted() -> None:
    ours = pd.DataFrame({"id": ["a", "b", "c"], "insult": [0.1, 0.2, 0.3]})
    both, counts = join(ours, pd.DataFrame({"id": ["b", "c", "d", "e"], "INSULT": [0.5, 0.6, 0.7, 0.8]}))
    assert list(both.id) == ["b", "c"]
    assert counts == {"joined": 2, "baseline_only": 2, "run_only": 1, "repeated_in_baseline": 0}


def response(**scores: float):
    return {name: {"summaryScore": {"value": value, "type": "PROBABILITY"}} for name, value in scores.items()}


def write(path, rows) -> None:
    if path.suffix == ".csv":
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    elif path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    else:
        path.write_text("\n".join(json.dumps(row) for row in rows) + "\n\n", encoding="utf-8")


SHAPES = {
    "responses with an id.ndjson": [{"id": "a", "attributeScores": response(TOXICITY=0.1, INSULT=0.2)}],
    "responses with a token.jsonl": [{"clientToken": "a", "attributeScores": response(TOXICITY=0.1, INSULT=0.2)}],
    "responses inside.ndjson": [
        {"comment_id": "a", "response": {"attributeScores": response(TOXICITY=0.1, INSULT=0.2)}}
    ],
    "columns.csv": [{"id": "a", "TOXICITY": 0.1, "INSULT": 0.2, "note": "x"}],
    "small columns.parquet": [{"row_id": "a", "toxicity": 0.1, "insult": 0.2}],
    "flattened.csv": [
        {
            "id": "a",
            "attributeScores.TOXICITY.summaryScore.value": 0.1,
            "attributeScores.INSULT.summaryScore.value": 0.2,
        }
    ],
    "structs.parquet": [{"id": "a", "attributeScores": response(TOXICITY=0.1, INSULT=0.2)}],
}


@pytest.mark.parametrize("name", SHAPES)
def test_scores_are_read_from_every_shape_in_which_people_keep_them(name, tmp_path) -> None:
    write(tmp_path / name, SHAPES[name])
    assert read_baseline(tmp_path / name, WANTED).to_dict("records") == [{"id": "a", "TOXICITY": 0.1, "INSULT": 0.2}]


def test_missing_scores_repeated_ids_and_errors_of_the_api_are_borne(tmp_path) -> None:
    rows = [
        {"id": "a", "attributeScores": response(TOXICITY=0.1)},
        {"id": "b", "error": {"code": 429}},
        {"id": "a", "attributeScores": response(TOXICITY=0.9)},
        {"id": "c", "attributeScores": {"TOXICITY": {}, "THREAT": 3}},
    ]
    write(tmp_path / "x.ndjson", rows)
    found = read_baseline(tmp_path / "x.ndjson", WANTED)
    assert list(found.columns) == ["id", "TOXICITY"] and found.attrs["repeated"] == 1
    assert list(found.id) == ["b", "a", "c"] and found.TOXICITY.tolist()[1] == 0.9
    assert found.TOXICITY.isna().tolist() == [True, False, True]


ODD = {
    "no id.ndjson": ('{"attributeScores": {}}', "row 1: no id in id or row_id or comment_id or clientToken"),
    "no score.ndjson": ('{"id": "a", "attributeScores": {}}', "no score of TOXICITY, INSULT in its 1 rows"),
    "a large score.csv": ("id,TOXICITY\na,0.5\nb,1.7\n", r"row 2: TOXICITY: 1\.7 is no probability"),
    "a word.csv": ("id,TOXICITY\na,<b>high</b>\n", "row 1: TOXICITY: <b>high</b> is no probability"),
    "infinite.ndjson": (
        '{"id": "a", "attributeScores": {"TOXICITY": {"summaryScore": {"value": Infinity}}}}',
        "no probab",
    ),
    "no JSON.ndjson": ("{}\n{", "line 2: is no JSON|row 1: no id"),
    "a list.ndjson": ("[1]", "line 1: is no JSON object"),
    "deep.ndjson": ("[" * 100_000, "line 1: is no JSON"),
    "binary.ndjson": (b"\xff\xfe", "is not UTF-8"),
    "nothing.csv": ("", "no score of"),
    "no parquet.parquet": ("x", "cannot be read as Parquet"),
    "a table.xlsx": ("x", r"must end in \.ndjson"),
}


@pytest.mark.parametrize("name", ODD)
def test_an_odd_file_is_named_with_the_row_and_what_is_wrong(name, tmp_path) -> None:
    content, message = ODD[name]
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UsageError, match=message) as caught:
        read_baseline(tmp_path / name, WANTED)
    assert name in str(caught.value) and str(caught.value).isprintable()


def test_a_run_exported_as_responses_is_its_own_baseline(tmp_path, capsys) -> None:
    published(tmp_path / "out", {day: [labelled(n, day) for n in range(40)] for day in DAYS})
    to, out = str(tmp_path / "r.ndjson"), ("--output", str(tmp_path / "out"))

    def run(*words: str) -> int:
        return exit_code(lambda: app(["audit", *words, *out], standalone_mode=False))

    assert run("export", "--format", "perspective", "--to", to) == 0
    assert run("compare", "--baseline", to, "--threshold", "0.5", "--json") == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (found["joined"], found["baseline_only"], found["run_only"]) == (80, 0, 0)
    insult = next(one for one in found["attributes"] if one["attribute"] == "INSULT")
    assert insult["spearman"]["value"] == pytest.approx(1) and insult["at"][0]["same_now"]["value"] == 1.0
    assert run("compare", "--baseline", to) == 0
    told = capsys.readouterr().out
    assert "80 rows joined; 0 of the baseline are not in the run" in told and "TOXICITY and our toxicity" in told
    assert run("compare", "--baseline", to, "--threshold", "0") == 2
    assert "--threshold 0.0: must be above 0" in capsys.readouterr().err
