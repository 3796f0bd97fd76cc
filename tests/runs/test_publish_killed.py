"""A publication or rollback killed with -9 at any step is, after recovery, the whole old state or the whole new one."""

import json
import sys
from typing import Any

import pytest

from tests.commands import run
from tests.runs.publications import MONDAY, TUESDAY, WEDNESDAY

OLD = [[MONDAY, "aa", 1, 1], [MONDAY, "bb", 4, 1], [TUESDAY, "aa", 1, 1]]
NEW = [[MONDAY, "aa", 3, 1], [MONDAY, "bb", 4, 1], [WEDNESDAY, "aa", 2, 1]]
SLOW = pytest.mark.slow


def killed(kind: str, what: str, folder: Any) -> list[dict[str, Any]]:
    """What was found after a kill at each step; the last was not killed."""
    done = run([sys.executable, "-m", "tests.runs.killed", kind, what, str(folder)])
    assert done.returncode == 0, done.stderr[-2000:]
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [step["done"] for step in found] == [False] * (len(found) - 1) + [True]
    assert {step["journals"] for step in found} == {0}
    assert sum(step["written"] for step in found) > 4
    return found


@pytest.mark.parametrize("kind", ["parquet", pytest.param("renames", marks=SLOW), "delta"])
def test_a_publication_killed_at_any_step_is_whole_or_was_never_there(tmp_path, kind) -> None:
    found = killed(kind, "publish", tmp_path)
    first = next(number for number, step in enumerate(found) if step["written"])
    assert [step["state"] for step in found] == [OLD] * first + [NEW] * (len(found) - first)
    assert all(step["statuses"] == ["published", "published"] for step in found[first:])
    assert all(step["statuses"][1:] in ([], ["running"], ["publishing"]) for step in found[:first])
    assert [step["staged"] for step in found[first:]] == [[]] * (len(found) - first)
    leftovers = {(step["files"], step["versions"]) for step in found[:first]}
    assert leftovers == {(3, 0 if kind == "delta" else 1)}  # what was prepared is gone


@pytest.mark.parametrize("kind", ["parquet", pytest.param("renames", marks=SLOW), pytest.param("delta", marks=SLOW)])
def test_a_rollback_killed_at_any_step_is_whole_or_was_never_there(tmp_path, kind) -> None:
    found = killed(kind, "rollback", tmp_path)
    first = next(number for number, step in enumerate(found) if step["written"])
    assert [step["state"] for step in found] == [NEW] * first + [OLD] * (len(found) - first)
    assert {tuple(step["statuses"]) for step in found[:first]} == {("published", "published")}
    assert {tuple(sorted(step["statuses"])) for step in found[first:]} == {("published", "rolled_back")}
