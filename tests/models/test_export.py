"""Pickles are imported without being run, nothing is overwritten, and what was imported is verified."""

import json
from pathlib import Path

import pytest
import torch
from model_edits import edit_json, edit_weights, refusal
from safetensors.torch import load_file
from test_find_model import Malicious

from moderation.errors import UsageError
from moderation.models.export import import_model
from moderation.models.load import find_model
from moderation.models.verify import verify

pytestmark = pytest.mark.usefixtures("cache")
HEAD = "classifier.weight"


def pickled(folder: Path, content: object = None) -> Path:
    """The folder with its weights pickled, or with anything else in their place."""
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    torch.save(weights if content is None else content, folder / "pytorch_model.bin")
    return folder


def test_pickled_weights_in_several_files_are_one_model(plain: Path, tmp_path: Path) -> None:
    whole = find_model(str(plain)).network_id
    weights = load_file(plain / "model.safetensors")
    parts = {f"pytorch_model-{number}.bin": dict(list(weights.items())[number::2]) for number in range(2)}
    for name, part in parts.items():
        torch.save(part, plain / name)
    (plain / "model.safetensors").unlink()
    index = {key: name for name, part in parts.items() for key in part}
    (plain / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": index}))
    assert import_model(str(plain), tmp_path / "out").network_id == whole
    (plain / "pytorch_model-1.bin").unlink()
    with pytest.raises(UsageError, match=r"lacks model\.safetensors"):
        import_model(str(plain), tmp_path / "other")


def test_pickled_weights_are_imported_on_request_and_are_the_same_model(plain: Path, tmp_path: Path) -> None:
    expected = find_model(str(plain))
    pickled(plain)
    assert f"'moderation models import {plain} --output DIR'" in refusal(plain)
    found = import_model(str(plain), tmp_path / "out")
    assert (found.model_id, found.folder) == (expected.model_id, tmp_path / "out")
    assert verify(str(tmp_path / "out"), found.model_id).network_id == expected.network_id


def test_a_crafted_pickle_runs_nothing(plain: Path, tmp_path: Path) -> None:
    weights = load_file(plain / "model.safetensors")
    pickled(plain, weights | {HEAD: Malicious(tmp_path / "owned")})
    with pytest.raises(UsageError, match=r"pytorch_model\.bin holds more than weights.*nothing of it was run"):
        import_model(str(plain), tmp_path / "out")
    assert not (tmp_path / "owned").exists() and not (tmp_path / "out").exists()
    torch.load(plain / "pytorch_model.bin", weights_only=False)
    assert (tmp_path / "owned").exists(), "the payload is a real one"


@pytest.mark.parametrize("content", [[1, 2], {"a": 1}, {1: torch.zeros(1)}, "x"])
def test_a_pickle_that_holds_no_weights_is_refused(plain: Path, tmp_path: Path, content: object) -> None:
    with pytest.raises(UsageError, match="holds no weights by their names"):
        import_model(str(pickled(plain, content)), tmp_path / "out")


def test_nothing_is_imported_over_anything(plain: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    import_model(str(plain), out)
    before = {path.name: path.stat().st_mtime_ns for path in out.iterdir()}
    for place in (out, out / "config.json"):
        with pytest.raises(UsageError, match="exists and is not empty"):
            import_model(str(plain), place)
    assert {path.name: path.stat().st_mtime_ns for path in out.iterdir()} == before
    with pytest.raises(UsageError, match="is a model folder already"):
        import_model(str(out), tmp_path / "other")


def test_a_wrong_digest_is_told_beside_the_right_one(plain: Path) -> None:
    found = find_model(str(plain)).model_id
    assert find_model(str(plain), found).model_id == find_model(str(plain), found[:8]).model_id == found
    for wrong in ("0" * 16, ""):
        with pytest.raises(UsageError, match=f"has the digest {found}, and {wrong} was asked for"):
            find_model(str(plain), wrong)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_verify_finds_a_weight_that_is_no_number(folder: Path, value: float) -> None:
    assert verify(str(folder)).spec.labels
    edit_weights(folder, lambda weights: weights["label_head.bias"].fill_(value))
    with pytest.raises(UsageError, match=r"label_head\.bias is not finite"):
        verify(str(folder))


def test_verify_finds_token_ids_beyond_the_encoder(folder: Path) -> None:
    edit_json(folder / "tokenizer.json", lambda content: content["model"]["vocab"].update(beyond=99999))
    with pytest.raises(UsageError, match="ids up to 99999"):
        verify(str(folder))
