"""The README's commands and code do what it says."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest

from moderation.policy import Policy
from moderation.sample import write_sample
from moderation.settings import parse
from tests.commands import ROOT, run
from tests.ingest.made_up import lines, write

README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """The README's code blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A folder like the checkout after `make demo`."""
    place = tmp_path_factory.mktemp("checkout")
    write_sample(place / "demo/comments", rows=300)
    write(place / "RC_2006-01.zst", lines(200))
    (place / "stricter.yaml").write_text("thresholds: {insult: 0.4}\n", encoding="utf-8")
    (place / "jobs").symlink_to(ROOT / "jobs")
    (place / ".venv").symlink_to(sys.prefix)
    return place


def test_ci_runs_the_two_commands_at_the_top() -> None:
    ci = (ROOT / ".ci/run").read_text()
    assert {"make demo", "make test"} <= set(ci.splitlines()) & set(blocks("")[0].splitlines())


@pytest.mark.slow
@pytest.mark.parametrize("line", [line for block in blocks("bash") for line in block.splitlines()])
def test_the_command_succeeds(line, folder) -> None:
    """As typed into a shell in which the environment is not active."""
    if "moderation review" in line:
        serves(line, folder)
        return
    done = run(["bash", "-c", line], folder=folder, PATH=os.environ["PATH"])
    assert done.returncode == 0, done.stderr[-2000:]


def serves(line: str, folder: Path) -> None:
    """What serves until Ctrl-C: says where, answers there, and ends well."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "BROWSER": "true"}  # `true` opens nothing
    served = subprocess.Popen(["bash", "-c", line], cwd=folder, env=environment, stdout=subprocess.PIPE, text=True)
    assert served.stdout
    with served.stdout as out:
        address = re.search(r"http://\S+", out.readline())
        assert address
        with urlopen(address[0], timeout=60) as answer:
            assert answer.status == 200
        served.send_signal(signal.SIGINT)
        assert served.wait(60) == 0


@pytest.mark.slow
@pytest.mark.parametrize("code", blocks("python"))
def test_the_python_example_runs(code, folder) -> None:
    done = run([sys.executable, "-c", code], folder=folder)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.slow
def test_the_json_shown_is_what_score_prints_today(folder) -> None:
    shown = "".join(line.strip() for line in blocks("json")[0].splitlines())
    command = [sys.executable, "-m", "moderation", "score", "You are a pathetic idiot, go back to Paris"]
    printed = run(command, folder=folder).stdout
    assert numbers_out(shown.replace(" ", "")) == numbers_out(printed.replace(" ", "").strip())


def numbers_out(text: str) -> str:
    """Text with its decimals dropped: processors differ in the last digits of a score."""
    return re.sub(r"\d\.\d+", "#", text)


def test_the_policy_shown_is_valid() -> None:
    import yaml

    assert parse(yaml.safe_load(blocks("yaml")[0]), Policy, "README").rules
