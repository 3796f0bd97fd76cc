"""A run that is killed goes on and ends with the weights that it would have had."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from safetensors.torch import load_file

from moderation.errors import UsageError
from moderation.training.make import make_model
from tests.commands import ROOT, moderation

FAST = ("--checkpoint-seconds", "0", "--device", "cpu", "--threads", "1")


@pytest.fixture(scope="module")
def stopping(recipe, tmp_path_factory) -> Path:
    """The recipe, with dropout, accumulation and early stopping: all that a resumed run has to remember."""
    content = yaml.safe_load(recipe.read_text()) | {
        "epochs": 6,
        "batch_tokens": 64,
        "accumulate": 2,
        "dropout": 0.1,
        "head_dropout": 0.2,
        "early_stopping": {"patience": 5},
    }
    path = tmp_path_factory.mktemp("stopping") / "recipe.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.fixture(scope="module")
def undisturbed(stopping, data, tmp_path_factory) -> Path:
    output = tmp_path_factory.mktemp("undisturbed") / "model"
    done = moderation("finetune", "--recipe", stopping, "--data", data, "--output", output, *FAST)
    assert done.returncode == 0, done.stderr
    return output


def started(recipe: Path, data: Path, output: Path, part: str = "training") -> subprocess.Popen:
    """The same command in the background, until a part of it has saved its second checkpoint."""
    arguments = ["finetune", "--recipe", recipe, "--data", data, "--output", output, *FAST]
    command = [sys.executable, "-m", "moderation", *map(str, arguments)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    state = output.parent / f".{output.name}.making/{part}/training-state.pt"
    limit, seen = time.monotonic() + 120, set()
    while len(seen) < 3 and time.monotonic() < limit and process.poll() is None:
        if state.is_file():
            seen.add(state.stat().st_mtime_ns)
        time.sleep(0.002)
    assert len(seen) == 3, process.communicate()[1]
    return process


def weights(folder: Path) -> dict[str, list[float]]:
    return {name: tensor.flatten().tolist() for name, tensor in load_file(folder / "model.safetensors").items()}


def test_a_killed_run_ends_bit_for_bit_like_one_that_was_not(stopping, data, undisturbed, tmp_path) -> None:
    output = tmp_path / "model"
    process = started(stopping, data, output)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert not output.exists()
    done = moderation("finetune", "--recipe", stopping, "--data", data, "--output", output, *FAST)
    assert done.returncode == 0, done.stderr
    assert "going on from step" in done.stderr
    assert weights(output) == weights(undisturbed)
    about, other = (json.loads((folder / "training.json").read_text()) for folder in (output, undisturbed))
    assert about["trainings"] == other["trainings"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model"]


def test_the_second_of_several_trainings_killed_leaves_the_first_one_done(stopping, data, tmp_path) -> None:
    content = yaml.safe_load(stopping.read_text()) | {"epochs": 2, "mean_of": [{}, {"seed": 8, "join": 0.5}]}
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(yaml.safe_dump(content))
    process = started(recipe, data, tmp_path / "model", "training-2")
    process.send_signal(signal.SIGKILL)
    process.communicate()
    for output in (tmp_path / "model", tmp_path / "other"):
        done = moderation("finetune", "--recipe", recipe, "--data", data, "--output", output, *FAST)
        assert done.returncode == 0, done.stderr
        said = [
            line for line in done.stderr.splitlines() if "already" in line or "going on" in line or "training " in line
        ]
        assert ("done already" in said) == (output.name == "model")
        assert "training 2/2 (join: 0.5, seed: 8)" in said and "training 1/2 (as the recipe has it)" in said
        assert "the mean of the 2 trainings: dev loss" in done.stderr
    assert weights(tmp_path / "model") == weights(tmp_path / "other")


def test_ctrl_c_says_how_to_go_on_and_what_is_kept_is_not_mixed_with_another_run(
    stopping, recipe, data, tmp_path
) -> None:
    process = started(stopping, data, tmp_path / "model")
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in error
    assert "the same command again goes on" in error.splitlines()[-1]
    assert (tmp_path / ".model.making/training/training-state.pt").is_file()
    assert not (tmp_path / "model").exists()
    with pytest.raises(UsageError, match="unfinished run with other data or settings"):
        make_model(recipe, data, tmp_path / "model", print)


def test_a_finished_run_is_left_as_it_is_and_another_one_refused(stopping, data, recipe, undisturbed) -> None:
    lines: list[str] = []
    before = (undisturbed / "model.safetensors").stat()
    make_model(stopping, data, undisturbed, lines.append)
    assert "finished already" in lines[0]
    assert (undisturbed / "model.safetensors").stat() == before
    with pytest.raises(UsageError, match="holds another model"):
        make_model(recipe, data, undisturbed, lines.append)
    assert (undisturbed / "model.safetensors").stat() == before


def test_an_output_that_is_no_model_folder_is_never_replaced(recipe, data, tmp_path) -> None:
    from moderation.training.options import Options

    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/cat.jpg").write_text("cat")
    with pytest.raises(UsageError, match="is no model folder"):
        make_model(recipe, data, tmp_path / "photos", print, Options(overwrite=True))
    assert (tmp_path / "photos/cat.jpg").read_text() == "cat"
