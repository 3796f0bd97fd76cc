"""Models of the hub: downloaded once, from a hub of the test's own, and then used without one."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from families import make
from hub_server import commit, hub
from safetensors.torch import load_file

from moderation.errors import UsageError
from moderation.models.load import find_model
from moderation.models.sources import HUB_ID

ROOT = Path(__file__).parents[2]
ASK = """
import json, sys
from pathlib import Path
from moderation.errors import UsageError
from moderation.models.export import import_model
from moderation.models.load import find_model
for source in sys.argv[1:]:
    try:
        name, _, output = source.partition(">")
        found = import_model(name, Path(output)) if output else find_model(source)
        origin = json.loads((found.folder / "origin.json").read_text())
        print(json.dumps({"id": found.model_id, "labels": found.spec.labels} | origin))
    except UsageError as error:
        print(json.dumps({"error": str(error)}))
"""


def ask(address: str, home: Path, *sources: str, **more: str) -> list[dict[str, Any]]:
    """What another process finds, its hub at an address, with more variables in its environment."""
    variables = os.environ | {"HF_ENDPOINT": address, "HF_HOME": str(home), "XDG_CACHE_HOME": str(home)}
    variables |= {"PYTHONPATH": str(ROOT), "HF_HUB_DISABLE_XET": "1"} | more
    done = subprocess.run([sys.executable, "-c", ASK, *sources], env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


@pytest.mark.slow
def test_a_model_is_downloaded_once_by_its_safe_files_alone_and_then_needs_no_hub(tmp_path: Path) -> None:
    whole = make(tmp_path / "whole", "roberta", "Sequence", ["calm", "rude"])
    (whole / "evil.py").write_text("raise SystemExit")
    (whole / "onnx").mkdir()
    (whole / "onnx" / "model.safetensors").write_bytes(b"another")
    torch.save({}, whole / "pytorch_model.bin")
    old = make(tmp_path / "old", "bert", "Sequence", ["calm", "rude"])
    torch.save(load_file(old / "model.safetensors"), old / "pytorch_model.bin")
    (old / "model.safetensors").unlink()
    requests: list[str] = []
    pinned = f"some/whole@{commit(whole)}"
    with hub({"some/whole": whole, "some/old": old}, requests) as address:
        found = ask(address, tmp_path / "home", "some/whole", pinned, "some/old", "some/none", "some/whole@v9")
        assert not [path for path in requests if path.endswith((".bin", ".py")) or "onnx" in path.rpartition("/")[0]]
        asked = len([path for path in requests if "/resolve/" in path and path.endswith(".safetensors")])
        first, again, pickled, unknown, revision = found
        assert asked == 2, "its size and its content"
        [imported] = ask(address, tmp_path / "home", f"some/old>{tmp_path / 'out'}")
        assert [path for path in requests if path.endswith(".bin")]
        count = len(requests)
    assert first["labels"] == ["calm", "rude"] and first["revision"] == commit(whole)
    assert first == again and first["source"] == "some/whole"
    assert f"'moderation models import some/old@{commit(old)} --output DIR'" in pickled["error"]
    assert "'some/none' is no folder here, and on the hub it is not" in unknown["error"]
    assert "at revision 'v9': the hub has no such revision" in revision["error"]
    assert imported["revision"] == commit(old)
    assert ask(address, tmp_path / "home", "some/whole", pinned) == [first, first]
    shutil.rmtree(tmp_path / "home" / "hub")
    assert ask(address, tmp_path / "home", pinned) == [first], "a commit needs the hub's cache no more"
    assert len(requests) == count
    [missing] = ask(address, tmp_path / "elsewhere", pinned)
    assert "is not in the hub's cache, and the hub cannot be reached" in missing["error"]


@pytest.mark.slow
def test_the_hub_is_not_asked_where_the_environment_forbids_it(tmp_path: Path) -> None:
    folder, requests = make(tmp_path / "m", "bert", "Sequence", ["calm", "rude"]), list[str]()
    with hub({"some/model": folder}, requests) as address:
        [refused] = ask(address, tmp_path / "home", "some/model", HF_HUB_OFFLINE="1")
        assert requests == [] and "HF_HUB_OFFLINE forbids asking the hub" in refused["error"]
        [found] = ask(address, tmp_path / "home", "some/model")
        count = len(requests)
        assert ask(address, tmp_path / "home", "some/model", HF_HUB_OFFLINE="1") == [found]
    assert found["labels"] == ["calm", "rude"] and len(requests) == count > 0


def test_without_a_network_the_error_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    for source in ("unitary/toxic-bert", "unitary/toxic-bert@" + "0" * 40):
        with pytest.raises(UsageError, match=r"'unitary/toxic-bert'.* is not in the hub's cache.*HF_HOME") as caught:
            find_model(source)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("source", ["a--b/c", "a/b..c", "a/b-"])
def test_a_name_that_the_hub_could_not_have_is_refused_without_asking(source: str) -> None:
    with pytest.raises(UsageError, match="is no folder, and no hub id either"):
        find_model(source)


@pytest.mark.parametrize("source", ["bert", "/abs/olute", "a/b/c", "./a/b", "../a", "a/b@", "a b/c", "a/b@x y", "~/m"])
def test_what_is_no_hub_id_is_not_taken_for_one(source: str) -> None:
    assert not HUB_ID.fullmatch(source)
