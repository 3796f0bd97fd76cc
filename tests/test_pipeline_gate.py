"""The main job and its history: the first runs build the baseline, a shift is refused, and who accepts it is kept."""

import json
from pathlib import Path

import pytest

from moderation.config import Config, load_config
from moderation.errors import GateRefused, UsageError
from moderation.pipeline import moderate
from moderation.runs.summary import gate_lines
from tests.dumps import comment, read_rows, write_dump

POLICY = (
    "thresholds: {offensive: 0, toxicity: 1, severe_toxicity: 1, obscene: 1, threat: 1, insult: 1, identity_attack: 1}"
)


@pytest.fixture
def job(spark, tiny_model, tmp_path):
    """Calls the main job with a policy that gives every scored text one label."""
    (tmp_path / "policy.yaml").write_text(POLICY)
    fixed = {"models": str(tiny_model), "precision": "fp32", "policy": str(tmp_path / "policy.yaml")}

    def run(name: str, **settings):
        rows = [comment(f"{name}{number}", f"{name} {number}") for number in range(60)]
        dump = write_dump(tmp_path / f"{name}.parquet", rows)
        return moderate(Config(input=[dump], output=tmp_path / "out", **fixed, **settings))

    return run


def seldom_flagged_before(output: Path) -> None:
    """Adds three larger runs over other comments to the output's history, in which the label was rare."""
    (path,) = output.glob("runs/*/manifest.json")
    for number in range(3):
        manifest = json.loads(path.read_text())
        manifest |= {"run_id": f"20200101T00000{number}Z-abcdef", "inputs": [{"uri": "file:///x", "sha256": number}]}
        manifest["inputs"][0]["sha256"] = str(number)
        manifest["published"] = []
        manifest["counts"] |= {"scored": 10_000, "flagged": 200, "rows_in": 10_000}
        manifest["counts"]["labels"] |= {"offensive": 200}
        manifest["counts"]["entity_rows"] = {
            name: count * 10_000 // 60 for name, count in manifest["counts"]["entity_rows"].items()
        }
        folder = output / "runs" / manifest["run_id"]
        folder.mkdir()
        (folder / "manifest.json").write_text(json.dumps(manifest))


def test_a_shift_is_refused_until_somebody_says_why(job, tmp_path) -> None:
    first = job("first")
    assert first.validation["notes"][0].startswith("baseline: 0 of 3 runs for quarantined, ")
    assert gate_lines(first)[0].startswith("gate       baseline: 0 of 3 runs")
    seldom_flagged_before(tmp_path / "out")
    with pytest.raises(GateRefused, match=r"label offensive lies between .* 100.00% \(60 of 60 rows\)"):
        job("second")
    assert len(read_rows(tmp_path / "out")) == 60
    index = (tmp_path / "out/runs/index.html").read_text()
    assert index.index("refused") < index.index(first.run_id)

    accepted = job("second", accept_shift="the other forum")
    assert len(read_rows(tmp_path / "out")) == 120
    kept = json.loads((tmp_path / "out/runs" / accepted.run_id / "manifest.json").read_text())["accepted_shift"]
    assert kept["reason"] == "the other forum"
    assert kept["by"]
    assert any("label offensive" in sentence for sentence in kept["shift"])
    assert gate_lines(accepted)[0] == f"shift      accepted by {kept['by']}: the other forum"
    assert "the other forum" in (tmp_path / "out/runs/index.html").read_text()


@pytest.mark.parametrize("reason", ["", "  ", "x" * 1001])
def test_a_reason_that_says_nothing_is_refused(reason: str) -> None:
    with pytest.raises(UsageError, match=r"command line: accept_shift: say why .* --accept-shift"):
        load_config(accept_shift=reason)


def test_an_acceptance_is_for_one_run_and_stands_in_no_file(tmp_path: Path) -> None:
    (tmp_path / "settings.yaml").write_text("accept_shift: always")
    with pytest.raises(UsageError, match="accept_shift: is for one run"):
        load_config(tmp_path / "settings.yaml")


def test_a_history_that_is_too_short_to_compare_is_refused() -> None:
    with pytest.raises(UsageError, match=r"gate: gate.history 2 is less than gate.min_runs 3"):
        load_config(gate={"history": 2})
