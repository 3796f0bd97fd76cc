"""Nothing phones home: scoring a text looks up no name and connects to no address."""

import json
import os
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from tests.commands import ROOT

pytestmark = pytest.mark.slow

WATCH = """
import os, sys

def note(event, arguments):
    if event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.sendto"):
        found = repr(arguments[:2])
    elif event == "socket.connect" and isinstance(arguments[1], tuple):  # an internet address, not a file's name
        found = repr(arguments[1])
    else:
        return
    with open(os.environ["WATCHED"], "a") as file:
        file.write(f"{event} {found}\\n")
    if "BLOCKED" in os.environ:
        raise OSError("blocked: a test sends nothing either")

sys.addaudithook(note)
"""
# On a build machine OpenVINO's telemetry keeps quiet by itself; these tests are about a user's machine.
QUIETED = {"CI", "TF_BUILD", "JENKINS_URL", "XDG_CACHE_HOME"}
SCORE = [sys.executable, "-m", "moderation", "score", "hello Angela Merkel"]


def watched(
    command: list[str], folder: Path, home: Path, **more: str
) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """Runs a command as a user with an empty home folder; the finished process, and its ways to the network."""
    (folder / "sitecustomize.py").write_text(WATCH)
    notes = folder / "notes"
    notes.write_text("")
    variables = {"HOME": str(home), "WATCHED": str(notes), "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"}
    return run(command, variables | more), notes.read_text().splitlines()


def run(command: list[str], variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name not in QUIETED} | variables
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)


def assert_scored(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["status"] == "scored"


def test_scoring_makes_no_look_up_and_no_connection(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    for when in ("the first time, when the model is converted", "and with the stored model"):
        done, notes = watched(SCORE, tmp_path, home)
        assert_scored(done)
        assert notes == [], when
    kept = {path.relative_to(home).parts[:2] for path in home.rglob("*") if path.is_file()}
    assert kept <= {(".cache", "moderation")}, "no client id is written to the home folder"


def test_quantising_makes_no_look_up_either(tmp_path: Path, tiny_model: Path) -> None:
    pytest.importorskip("pyarrow")
    try:
        version("nncf")
    except PackageNotFoundError:
        pytest.skip("nncf is not installed")
    done, notes = watched([*SCORE, "--model", str(tiny_model), "--precision", "int8"], tmp_path, tmp_path)
    assert_scored(done)
    assert notes == []


def test_the_watch_sees_a_look_up_and_a_connection(tmp_path: Path) -> None:
    code = "import socket\ntry: socket.create_connection(('localhost', 9), 1)\nexcept OSError: pass"
    done, notes = watched([sys.executable, "-c", code], tmp_path, tmp_path)
    assert done.returncode == 0, done.stderr
    assert {note.split()[0] for note in notes} == {"socket.getaddrinfo", "socket.connect"}


def test_openvino_phones_home_where_it_is_let_and_the_watch_sees_it(tmp_path: Path) -> None:
    try:
        version("openvino_telemetry")
    except PackageNotFoundError:
        pytest.skip("openvino_telemetry is not installed")
    tries = []
    for code in (
        "import openvino, time; time.sleep(1)",
        "from moderation.inference.openvino_model import runtime; runtime()",
    ):
        done, notes = watched([sys.executable, "-c", code], tmp_path, tmp_path, BLOCKED="yes")
        assert done.returncode == 0, done.stderr
        tries.append([note.split()[0] for note in notes])
    assert "socket.getaddrinfo" in tries[0], "this version does not, so that the test above shows less than it says"
    assert tries[1] == []


def test_scoring_works_where_there_is_no_network_at_all(tmp_path: Path) -> None:
    try:
        subprocess.run(["unshare", "-rn", "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no network namespace can be made here: {error}")
    assert_scored(run(["unshare", "-rn", *SCORE], {"HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}))
