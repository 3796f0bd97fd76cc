"""The `moderation models` command."""

import json
from pathlib import Path

import pytest
import torch
from families import make
from safetensors.torch import load_file

from moderation import cli
from moderation.models.load import find_model


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, output and errors of a command."""
    code = cli.exit_code(lambda: cli.app(["models", *arguments], standalone_mode=False))
    said = capsys.readouterr()
    return code, said.out, said.err


def test_models_lists_the_builtin_model_and_what_was_imported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = find_model(str(make(tmp_path / "m", "electra", "Token", ["O", "B-PER"])))
    code, out, _ = run(capsys, "list", "--json")
    builtin, other = json.loads(out)
    assert code == 0 and builtin["source"].endswith("builtin") and "offensive" in builtin["labels"]
    assert other == {
        "model_id": found.model_id,
        "source": str(tmp_path / "m"),
        "architecture": "ElectraForTokenClassification",
        "labels": [],
        "entity_types": ["PER"],
        "bytes": other["bytes"],
        "folder": str(found.folder),
    }
    assert other["bytes"] > 10_000
    lines = run(capsys, "list")[1].splitlines()
    assert len(lines) == 2 and lines[1].startswith(found.model_id) and lines[1].endswith("PER")


def test_a_broken_import_is_warned_of_and_the_others_are_listed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    found = find_model(str(make(tmp_path / "m", "electra", "Token", ["O", "B-PER"])))
    (found.folder / "tokenizer.json").unlink()
    assert len(json.loads(run(capsys, "list", "--json")[1])) == 1
    (warning,) = caplog.messages
    assert str(found.folder) in warning and "lacks tokenizer.json" in warning


def test_show_tells_all_that_a_model_says_of_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(make(tmp_path / "m", "roberta", "Sequence", ["NOT", "OFF"]))
    shown = json.loads(run(capsys, "show", folder, "--json")[1])
    source = find_model(folder)
    assert (shown["model_id"], shown["network_id"]) == (source.model_id, source.network_id)
    assert shown["spec"]["activation"] == "softmax" and shown["shape"]["positions"] == 64
    assert shown["origin"]["source"] == folder
    text = run(capsys, "show", folder)[1]
    assert "architecture: RobertaForSequenceClassification" in text and "  activation: softmax" in text


def test_import_then_verify_then_run_by_digest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain, out = make(tmp_path / "m", "bert", "Sequence", ["calm", "rude"]), tmp_path / "out"
    weights = load_file(plain / "model.safetensors")
    (plain / "model.safetensors").unlink()
    torch.save(weights, plain / "pytorch_model.bin")
    code, said, _ = run(capsys, "import", str(plain), "--output", str(out))
    digest = said.split()[0]
    assert code == 0 and "calm, rude" in said
    assert run(capsys, "verify", str(out), "--digest", digest)[:2] == (0, said)
    assert run(capsys, "import", str(plain), "--output", str(out))[0] == 2
    code, said, complaint = run(capsys, "verify", str(out), "--digest", "0" * 16)
    assert (code, said) == (2, "") and digest in complaint and "0" * 16 in complaint


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "nowhere"], "model 'nowhere' is neither"),
        (["verify", "nowhere"], "model 'nowhere' is neither"),
        (["import", "nowhere", "--output", "out"], "'nowhere' is no folder, no checkpoint"),
        (["import", "builtin", "--output", "out", "--base", "x"], "--base is for a Detoxify checkpoint"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    code, out, complaint = run(capsys, *arguments)
    assert (code, out) == (2, "") and message in complaint and complaint.count("\n") == 1
