"""How a run ends: what it leaves behind when it fails, whatever it was doing."""

import json
from pathlib import Path

import pytest

from moderation.config import Config
from moderation.errors import UsageError
from moderation.runs.publish_journal import JOURNAL
from moderation.runs.run import Run


def end(output: Path, error: Exception, publishing: bool) -> Run:
    """A run that ends with an error, in the middle of its publication or before it."""
    with pytest.raises(type(error)), Run(Config(input=[output.parent], output=output)) as run:
        if publishing:
            run.manifest.status = "publishing"
            run.manifest.write(run.folder)
            (run.folder / JOURNAL).write_text("{}", encoding="utf-8")
        raise error
    return run


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), UsageError("no space"), KeyError("x")])
def test_an_error_in_the_middle_of_a_publication_leaves_all_that_finishes_it(tmp_path: Path, error: Exception) -> None:
    run = end(tmp_path / "out", error, publishing=True)
    assert (run.folder / JOURNAL).exists() and run.staging.exists()
    assert json.loads((run.folder / "manifest.json").read_text())["status"] == "publishing"


def test_a_mistake_before_leaves_nothing_and_any_other_error_a_manifest(tmp_path: Path) -> None:
    assert not end(tmp_path / "out", UsageError("a mistake"), publishing=False).output.exists()
    run = end(tmp_path / "out", KeyError("x"), publishing=False)
    assert json.loads((run.folder / "manifest.json").read_text())["status"] == "failed"
    assert not run.staging.exists()
