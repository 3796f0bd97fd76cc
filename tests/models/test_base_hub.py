"""A base of the hub: downloaded once, from a hub of the test's own, and then used without one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from families import make
from hub_server import commit, hub

from tests.commands import ROOT

LOAD = "import sys; from moderation.models.base import load_base; print(load_base(sys.argv[1]).folder.name)"


@pytest.mark.slow
def test_a_base_of_the_hub_is_asked_for_once(tmp_path: Path) -> None:
    folder, requests = make(tmp_path / "encoder", "distilbert", "Sequence", ["a", "b"]), []
    variables = os.environ | {"HF_HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT), "HF_HUB_DISABLE_XET": "1"}

    def loaded(address: str) -> str:
        command = [sys.executable, "-c", LOAD, f"some/encoder@{commit(folder)}"]
        done = subprocess.run(command, env=variables | {"HF_ENDPOINT": address}, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    with hub({"some/encoder": folder}, requests) as address:
        assert loaded(address) == commit(folder)
        assert requests
    assert loaded(address) == commit(folder)
