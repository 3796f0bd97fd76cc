"""The commands of the pages on verdicts and exports are commands, with options that there are."""

import re
import shlex

import pytest
import typer

from moderation.cli import app
from tests.commands import ROOT

PAGES = ("verdicts.md", "export.md")


def commands(page: str) -> list[list[str]]:
    """The words of every command of a page."""
    lines = (ROOT / "docs" / page).read_text(encoding="utf-8").splitlines()
    return [shlex.split(line[2:], comments=True) for line in lines if line.startswith("$ moderation ")]


@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_the_page_can_be_given_so(page) -> None:
    found = commands(page)
    assert len(found) >= 5
    for words in found:
        words = words[: words.index(">")] if ">" in words else words
        command, context, rest = typer.main.get_command(app), None, words[1:]
        while hasattr(command, "commands"):
            command, rest = command.commands[rest[0]], rest[1:]
        context = command.make_context("moderation", rest, resilient_parsing=False)
        assert context.params, words


@pytest.mark.parametrize("page", PAGES)
def test_what_the_page_says_of_files_and_links_is_there(page) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    for link in re.findall(r"\]\((?!http)([^)#]+)\)", text):
        if link != "audit.md":  # the page of samples
            assert (ROOT / "docs" / link).exists(), link
