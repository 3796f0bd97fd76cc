"""A sample of a run: every scored row in one stratum, its probability known, the same whenever it is drawn."""

import json
import shutil
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import compute, parquet
from typer.testing import CliRunner

from benchmarks.audit_frame import LABELS, write_run
from moderation.audit.design import SampleFolder, find_sample
from moderation.audit.published import find_run, labelled_files
from moderation.audit.sample import OURS, Request, read_sample, sample
from moderation.audit.strata_names import ABOVE
from moderation.audit.verdict import Verdict
from moderation.audit.verdicts import append
from moderation.cli import app, exit_code
from moderation.errors import UsageError
from moderation.runs.manifest import Manifest

ROWS = 30_000


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An output with one published run of made-up rows."""
    made = tmp_path_factory.mktemp("audit")
    write_run(made, ROWS)
    return made


@pytest.fixture(scope="module")
def drawn(output: Path, spark) -> SampleFolder:
    """A sample of 600 rows, by subreddit."""
    folder, new = sample(output, "latest", Request(size=600, labels=("insult",), slices=("subreddit",)))
    assert new
    return folder


def published(output: Path) -> pa.Table:
    """All rows of the run."""
    return pa.concat_tables(
        parquet.ParquetFile(file).read() for file in labelled_files(output, find_run(output, "latest"))
    )


def test_strata_hold_every_scored_row_once_and_the_others_are_counted(output, drawn) -> None:
    design, rows = drawn.read_design(), published(output)
    statuses = {one["values"]: one["counts"] for one in compute.value_counts(rows["status"]).to_pylist()}
    assert (design.rows, design.skipped, design.failed) == tuple(statuses[x] for x in ("scored", "skipped", "failed"))
    for label in LABELS:
        given = sum(label in labels for labels in rows["labels"].to_pylist())
        assert sum(one.given[label] for one in design.strata) == given
    names = [one.name for one in design.strata]
    assert len(set(names)) == len(names)
    assert {one.slices["subreddit"] for one in design.strata} == set(rows["subreddit"].to_pylist())
    assert {one.band for one in design.strata if not one.given["insult"]} >= {"below -6", "-6..-4", "-1..0"}


def test_probabilities_sum_to_the_rows_of_their_strata(drawn) -> None:
    design, rows = drawn.read_design(), read_sample(drawn)
    sizes = {one.name: one.rows for one in design.strata}
    assert rows.groupby("stratum").weight.sum().round(6).to_dict() == pytest.approx(sizes)
    assert rows.groupby("stratum").duplicates.sum().to_dict() == {one.name: one.drawn for one in design.strata}
    assert rows.probability.between(0, 1, inclusive="right").all()
    assert sorted(rows.place) == list(range(len(rows))) and design.drawn == pytest.approx(600, abs=len(sizes))
    assert set(rows.columns) - set(OURS) == {*published_columns(), "date"} and set(OURS) <= set(rows.columns)
    above = {one.name for one in design.strata if one.band in ABOVE.values()}
    assert all(("insult" in labels) == (name in above) for labels, name in zip(rows.labels, rows.stratum, strict=True))


def published_columns() -> set[str]:
    """The columns of the made-up run."""
    return {"id", "body", "subreddit", "status", "scores", "labels", "flagged", "entities", "action", "run_id"}


def test_the_same_run_and_seed_give_the_same_sample_however_the_rows_lie_in_files(
    output, drawn, tmp_path, spark
) -> None:
    again, new = sample(output, "latest", Request(size=600, labels=("insult",), slices=("subreddit",)))
    assert (again, new) == (drawn, False)
    shuffled = tmp_path / "out"
    shutil.copytree(output / "runs", shuffled / "runs")
    manifest = find_run(output, "latest")
    entries = []
    for number, entry in enumerate(manifest["published"]):
        table = parquet.ParquetFile(output / entry["path"]).read()
        table = table.take(pa.array(range(table.num_rows - 1, -1, -1)))
        for part in range(3):
            path = entry["path"].replace(".parquet", f"{part}.parquet")
            (shuffled / path).parent.mkdir(parents=True, exist_ok=True)
            parquet.write_table(table.slice(part * 10_000, 10_000), shuffled / path)
            entries.append({"path": path, "rows": 1, "size": (shuffled / path).stat().st_size, "sha256": str(number)})
    Manifest(**manifest | {"published": entries}).write(shuffled / "runs" / manifest["run_id"])
    folder, new = sample(shuffled, "latest", Request(size=600, labels=("insult",), slices=("subreddit",)))
    assert new and folder.path.name == drawn.path.name
    one, other = read_sample(drawn), read_sample(folder)
    columns = ["id", "date", "stratum", "probability", "place", "duplicates"]
    assert one[columns].equals(other[columns])


def test_a_margin_is_met_by_what_is_expected_and_another_seed_draws_other_rows(output, drawn, spark) -> None:
    folder, _ = sample(output, "latest", Request(seed=8, margin=0.1, labels=("insult",), slices=("entities",)))
    design = folder.read_design()
    assert {one.slices["entities"] for one in design.strata} == {"none"}
    expected = {one.measure: one for one in design.expected if one.label == "insult"}
    assert expected["precision"].margin < 0.105 and expected["recall"].margin < 0.105
    assert 0 < expected["prevalence"].value < 0.1
    assert set(read_sample(folder).id) != set(read_sample(drawn).id)
    assert find_sample(output, folder.path.name[:6]).path == folder.path


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "say how sure you want to be, --margin 0.05, or how much you can review, --size 500"),
        (["--margin", "0.7"], "--margin 0.7: is half the width of an interval"),
        (["--size", "0"], "--size 0: draw at least 1 row"),
        (["--size", "50", "--label", "rude"], "--label rude: the run has toxicity, insult, threat"),
        (["--size", "50", "--run", "yesterday"], "run yesterday: no such run"),
        (["--size", "500", "--by", "planet"], "slice 'planet': no such column"),
        (["--size", "10"], "--size 10: "),
    ],
)
def test_mistakes_are_one_line_and_leave_nothing(output, options, said, spark, capsys) -> None:
    before = sorted(output.rglob("*"))
    assert exit_code(lambda: app(["audit", "sample", "--output", str(output), *options], standalone_mode=False)) == 2
    assert said in capsys.readouterr().err
    assert [path for path in sorted(output.rglob("*")) if path not in before] in ([], [output / "audits"])


def test_an_estimate_without_a_sample_says_what_to_do(tmp_path) -> None:
    write_run(tmp_path, 200)
    with pytest.raises(UsageError, match="no sample; 'moderation audit sample' draws one"):
        find_sample(tmp_path)


def test_a_sample_without_verdicts_is_estimated_as_not_enough(output, drawn) -> None:
    done = CliRunner().invoke(app, ["audit", "estimate", "--output", str(output), "--sample", drawn.path.name])
    assert done.exit_code == 0, done.output
    assert done.output.count("not enough verdicts") >= 4


def test_verdicts_become_estimates_curves_and_a_comparison_with_another_model(output, drawn) -> None:
    rows = read_sample(drawn)
    said = ["yes" if row.scores["insult"] > 0.4 else "no" for row in rows.itertuples()]
    append(
        drawn,
        [Verdict(row.id, "insult", "ana", word, row.date) for row, word in zip(rows.itertuples(), said, strict=True)],
    )
    first = drawn.read_design().run_id
    write_run(output, ROWS, seed=2)  # the same ids, other scores
    second = find_run(output, "latest")["run_id"]
    options = ["--output", str(output), "--sample", drawn.path.name, "--run", first, "--against", second, "--curves"]
    done = CliRunner().invoke(app, ["audit", "estimate", *options, "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.output)
    whole = {one["measure"]: one for one in found["estimates"] if one["slice"] is None}
    assert whole["precision"]["value"] == 1 and 0.2 < whole["recall"]["value"] < 1
    assert {one["slice"] for one in found["estimates"]} > {"subreddit=de", "subreddit=aww"}
    change = {one["measure"]: one for one in found["comparison"]}
    assert change["precision"]["value"] < 0 and change["recall"]["value"] < 0  # by chance
    assert len(found["curves"]) == 19
    shown = CliRunner().invoke(app, ["audit", "estimate", *options])
    assert f"higher in {second} by" in shown.output and "recall of insult within" in shown.output
