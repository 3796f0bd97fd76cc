"""`moderation finetune` and `moderation adapt` as a user calls them: what they print, write and refuse."""

import json
import re
import sys
from pathlib import Path

import pandas as pd
import pytest

from moderation.cli import app, exit_code
from moderation.models.load import find_model
from moderation.settings import parse
from moderation.training.make import make_model
from moderation.training.options import Options
from moderation.training.recipe import Recipe
from moderation.training.simple import changed, recipe_of
from tests.commands import ROOT, moderation, run
from tests.runs.test_progress import run_at_a_terminal

FAST = ("--max-tokens", "32", "--batch-tokens", "512", "--learning-rate", "0.003", "--threads", "1")


@pytest.fixture
def mistake(tmp_path, monkeypatch, capsys):
    """Calls a mistaken command in a folder of its own; returns the one line that it prints. Nothing is written."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> str:
        assert exit_code(lambda: app([*map(str, arguments)], standalone_mode=False)) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert not [*tmp_path.glob("*out*"), *tmp_path.glob(".*making")]
        return line

    return call


@pytest.fixture(scope="module")
def made(base, data, tmp_path_factory) -> Path:
    """Labels and entities from two files without a recipe, as a job, with a dev share and early stopping."""
    folder = tmp_path_factory.mktemp("made")
    texts = pd.read_parquet(data / "texts.parquet").query("split == 'train'")
    texts[["text", "bad"]].rename(columns={"bad": "insult"}).to_parquet(folder / "texts.parquet")
    pd.read_parquet(data / "words.parquet")[["tokens", "tags"]].to_parquet(folder / "words.parquet")
    options = ["--base", str(base), "--epochs", "5", "--patience", "2", "--imbalance", "sqrt", "--dev-share", "0.3"]
    arguments = ["--data", "texts.parquet", "--labels", "insult,rude=insult", "--tokens", "words.parquet", *options]
    job = [sys.executable, str(ROOT / "jobs/finetune.py"), *arguments, *FAST, "--output", "out/model"]
    done = run(job, folder)
    assert done.returncode == 0, done.stderr
    (folder / "stderr").write_text(done.stderr)
    return folder


def test_two_files_make_a_model_that_score_takes(made) -> None:
    done = moderation("score", "--model", "out/model", "stupid idiot", folder=made)
    scored = json.loads(done.stdout)
    assert set(scored["scores"]) == {"insult", "rude"}
    assert find_model(str(made / "out/model")).spec.entity_types == ("LOC", "PER")


def test_every_epoch_reports_loss_metric_and_what_is_left(made) -> None:
    lines = (made / "stderr").read_text().splitlines()
    (first, *_) = [line for line in lines if line.startswith("epoch 1/5")]
    assert re.search(
        r"dev loss \d\.\d+, average precision \d\.\d+, span F1 \d\.\d+ \(the best so far\), left \d+ s", first
    )
    assert lines[-1].startswith("model written to")


def test_the_card_of_data_without_source_and_licence_says_so(made) -> None:
    card = (made / "out/model/MODEL_CARD.md").read_text()
    assert "| texts |" in card
    assert "not stated" in card
    assert "insult" in card
    assert "cad" not in card


def test_what_made_the_model_is_kept_beside_it(made) -> None:
    about = json.loads((made / "out/model/training.json").read_text())
    assert Recipe.model_validate(about["recipe"]).imbalance == "sqrt"
    (training,) = about["trainings"]
    assert training["keys"] == {}
    assert len(training["epochs"]) <= 5
    assert training["epochs"][0]["metric"] > 0


@pytest.mark.slow
def test_run_takes_the_model_as_it_is(made) -> None:
    frame = pd.DataFrame({"id": ["1", "2"], "body": ["you fool", "Anna is here"]})
    frame.to_parquet(made / "dump.parquet")
    done = moderation("run", "--input", "dump.parquet", "--output", "scored", "--model", "out/model", folder=made)
    assert done.returncode == 0, done.stderr
    assert pd.read_parquet(made / "scored/labelled")["status"].tolist() == ["scored", "scored"]


def test_the_same_seed_makes_the_same_weights_and_another_does_not(made, base, tmp_path) -> None:
    digests = []
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        changes = {"base": str(base), "seed": seed, "max_tokens": 32, "overlap": 8}
        recipe = recipe_of(made / "texts.parquet", "insult", None, None, None, 0.3, changes)
        make_model(recipe, Path(), tmp_path / name, lambda line: None, Options(threads=1))
        digests.append((tmp_path / name / "model.safetensors").read_bytes())
    assert digests[0] == digests[1]
    assert digests[0] != digests[2]


def test_a_terminal_shows_steps_loss_and_what_is_left(made, base) -> None:
    command = [sys.executable, "-m", "moderation", "finetune", "--data", "texts.parquet", "--labels", "insult"]
    shown = run_at_a_terminal([*command, "--base", str(base), *FAST, "--epochs", "3", "--output", "live"], made)
    assert re.search(r"epoch \d.*\d+/\d+.*loss \d\.\d+\s+left \d+ s", shown)
    assert "model written to" in shown


def test_adapt_writes_an_encoder_that_finetune_takes(made, base) -> None:
    data = ("--data", "texts.parquet", "--text", "text", "--base", base, "--steps", 3)
    done = moderation("adapt", *data, "--output", "adapted", folder=made)
    assert done.returncode == 0, done.stderr
    assert "a new one is trained" in done.stderr
    assert "after 3 updates" in done.stderr
    options = ("--base", "adapted", "--epochs", 1, *FAST, "--output", "from-adapted")
    done = moderation("finetune", "--data", "texts.parquet", "--labels", "insult", *options, folder=made)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--data", "nowhere.parquet", "--labels", "x"), "nowhere.parquet: no such file"),
        (("--data", "t.parquet", "--labels", "spite"), "t.parquet has no column spite; it has text, bad"),
        (("--data", "t.parquet", "--labels", "never"), "label 'never' has no positive in the training rows"),
        (("--data", "t.parquet", "--labels", "word"), "column word holds 'yes'"),
        (("--data", "t.parquet", "--labels", "bad,bad"), "'bad' stands twice"),
        (("--data", "t.parquet"), "t.parquet has no column tags, tokens"),
        (("--data", "t.parquet", "--labels", "bad", "--imbalance", "heavy"), "imbalance"),
        (("--data", "t.parquet", "--labels", "bad", "--max-tokens", "9999"), "512 positions"),
        (("--data", "t.parquet", "--labels", "bad", "--device", "cuda:7"), "device 'cuda:7'"),
        (("--data", "t.parquet", "--labels", "bad", "--device", "tpu"), "device 'tpu'"),
        (("--data", "t.parquet", "--labels", "bad", "--base", "nowhere"), "base model nowhere lacks"),
        (("--recipe", "r.yaml", "--labels", "bad"), "--recipe names labels"),
    ],
)
def test_mistakes_are_one_line_and_write_nothing(base, tmp_path, mistake, arguments, said) -> None:
    frame = pd.DataFrame({"text": ["a", "b"] * 9, "bad": [0, 1] * 9, "never": 0, "word": "yes"})
    frame.to_parquet(tmp_path / "t.parquet")
    given = arguments if "--base" in arguments else (*arguments, "--base", base)
    assert said in mistake("finetune", *given, "--output", "out")


def test_options_change_the_recipe_and_what_is_not_given_stays(tmp_path) -> None:
    pd.DataFrame({"text": ["a"], "rude": [1]}).to_parquet(tmp_path / "t.parquet")
    found = recipe_of(tmp_path / "t.parquet", "rude", None, None, None, 0.2, {"epochs": 4, "seed": None})
    assert (found.epochs, found.seed, found.texts[0].dev_share) == (4, 7, 0.2)
    assert found.calibration[0].labels == {"rude": "rude"}
    assert changed(found, {"base": "elsewhere"}).base == "elsewhere"
    assert parse(found.model_dump(mode="json"), Recipe, "again") == found
