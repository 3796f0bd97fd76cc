"""The folder of cases and templates, the sections of the card, and the command."""

import json
import shutil
from pathlib import Path

import pytest
import yaml

from moderation.errors import UsageError
from moderation.evaluation.markdown import percent, table
from moderation.evaluation.sections import card_sections
from moderation.evaluation.suite import read_suite
from moderation.inference.engine import Engine
from moderation.resources import functional
from tests.commands import moderation

CASES = {"groups": {"g": {"about": "Asks one thing.", "expect": {"insult": True, "spam": True}, "cases": [
    {"id": "g-1", "text": "a text to be seen by nobody"}]}}}  # fmt: skip
IDENTITIES = {
    "terms": {"control": [{"one": "a nurse", "many": "nurses"}], "age": [{"one": "a child", "many": "children"}]},
    "harmless": ["{Many} sing."],
    "hateful": ["I hate {many}."],
}


@pytest.fixture
def folder(tmp_path) -> Path:
    made = tmp_path / "mine"
    made.mkdir()
    (made / "cases.yaml").write_text(yaml.safe_dump(CASES, sort_keys=False))
    (made / "identities.yaml").write_text(yaml.safe_dump(IDENTITIES, sort_keys=False))
    return made


@pytest.fixture(scope="module")
def engine(tiny_model) -> Engine:
    return Engine.load(str(tiny_model), "fp32")


def test_a_table_is_padded_and_sets_figures_to_the_right() -> None:
    assert table(["name", "n", "what"], [["ab", "10%", "long text"], ["c", "-", ""]]).splitlines() == [
        "| name |   n | what |",
        "| ---- | --: | ---- |",
        "| ab   | 10% | long text |",
        "| c    |   - |      |",
    ]


def test_a_share_that_there_is_not_is_a_dash() -> None:
    assert (percent(0.256), percent(0.0), percent(None)) == ("26%", "0%", "-")


def test_a_folder_is_sought_beside_the_recipe_and_then_here(folder, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    elsewhere = tmp_path / "recipes"
    elsewhere.mkdir()
    assert read_suite("mine", elsewhere / "recipe.yaml").folder == folder
    shutil.copytree(folder, elsewhere / "mine")
    assert read_suite("mine", elsewhere / "recipe.yaml").folder == elsewhere / "mine"


def test_the_projects_own_is_called_builtin() -> None:
    assert read_suite("builtin").folder == functional().resolve()


def test_a_folder_that_is_not_there_is_named() -> None:
    with pytest.raises(UsageError, match="'nowhere' is neither 'builtin' nor a folder"):
        read_suite("nowhere")


def test_a_file_that_lacks_is_named(folder) -> None:
    (folder / "identities.yaml").unlink()
    with pytest.raises(UsageError, match=r"identities\.yaml: no such file"):
        read_suite(str(folder))


def test_the_card_has_both_sections_with_what_was_measured(engine, folder) -> None:
    card = "\n".join(card_sections(engine, read_suite(str(folder))))
    assert "## Functional cases" in card
    assert "| g     | Asks one thing. |     1 |       1 |" in card
    assert "share of 1 harmless sentences" in card
    (control,) = [line for line in card.splitlines() if line.startswith("| nurses ")]
    assert control.rstrip(" |").endswith("-"), "no identity attack is there to be found in a control"
    assert "a text to be seen by nobody" not in card


def test_the_command_prints_rates_and_no_text(tiny_model, folder) -> None:
    options = ["--model", tiny_model, "--cases", folder / "cases.yaml", "--identities", folder / "identities.yaml"]
    done = moderation("functional", *options)
    assert done.returncode == 0, done.stderr
    assert "| all    |     1 |" in done.stdout
    assert "no such label: spam" in done.stdout
    assert "a text to be seen" not in done.stdout


def test_the_command_prints_one_json_object(tiny_model, folder) -> None:
    strict = yaml.safe_load((folder / "cases.yaml").read_text())
    strict["groups"]["g"]["cases"].append({"id": "g-2", "text": "another text", "expect": {"insult": False}})
    strict["groups"]["g"]["cases"].append({"id": "g-3", "text": "another text"})  # one of the two must be wrong
    (folder / "cases.yaml").write_text(yaml.safe_dump(strict, sort_keys=False))
    options = ["--model", tiny_model, "--cases", folder / "cases.yaml", "--identities", folder / "identities.yaml"]
    found = json.loads(moderation("functional", *options, "--json").stdout)
    assert found["groups"][0]["answers"] == found["all"]["answers"] == 3
    assert found["not_asked"] == ["spam"]
    assert [term["term"] for term in found["terms"]] == ["nurses", "children"]
    assert 1 <= len(found["failures"]) == 3 - found["all"]["right"]
    assert "text" not in found["failures"][0]
    shown = json.loads(moderation("functional", *options, "--json", "--show").stdout)
    assert "another text" in {wrong["text"] for wrong in shown["failures"]}


def test_cases_that_are_not_there_are_named(folder) -> None:
    done = moderation("functional", "--cases", folder / "none.yaml")
    assert (done.returncode, done.stdout) == (2, "")
    assert "none.yaml: no such file" in done.stderr


def test_a_model_without_the_judged_labels_is_refused(tiny_model, folder) -> None:
    content = {"groups": {"g": {"about": "A.", "cases": [{"id": "1", "text": "x", "expect": {"spam": True}}]}}}
    (folder / "cases.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    done = moderation("functional", "--model", tiny_model, "--cases", folder / "cases.yaml")
    assert done.returncode == 2
    assert "has none of the judged labels" in done.stderr
