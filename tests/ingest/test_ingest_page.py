"""docs/ingest.md says what the contract says, and its commands print what it shows."""

import re
import sys
from pathlib import Path

import pytest

from moderation.contracts import contract
from tests.commands import ROOT, run

PAGE = (ROOT / "docs/ingest.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```bash\n(.*?)^```\n\n```\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_the_table_of_columns_is_the_contracts() -> None:
    found = re.findall(r"^\| `(\w+)` \| (\w+) \| (\w+) \| (.*) \|$", PAGE, re.MULTILINE)
    assert [row[:3] for row in found] == [
        (column["name"], column["type"], column.get("of", "both")) for column in contract("ingested")["columns"]
    ]
    for column, row in zip(contract("ingested")["columns"], found, strict=True):
        assert row[3].startswith(column["meaning"])


def test_the_table_of_reasons_is_the_contracts() -> None:
    found = re.findall(r"^\| `(\w+)` \| ([^|]*) \|$", PAGE, re.MULTILINE)
    assert dict(found) == contract("ingested")["reasons"]


def test_there_are_examples() -> None:
    assert len(EXAMPLES) == 2


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_prints_what_the_page_shows(example: tuple[str, str], tmp_path: Path) -> None:
    done = run(["bash", "-c", example[0].replace(".venv/bin/moderation", f"{sys.executable} -m moderation")], tmp_path)
    assert done.returncode == 0, done.stderr
    assert without_times(done.stdout) == without_times(example[1])


def without_times(text: str) -> str:
    return re.sub(r"[\d.,]+ s, [\d,]+ lines/s", "", text)
