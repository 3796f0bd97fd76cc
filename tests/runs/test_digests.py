"""Digests of inputs are taken once, as long as a file stays as it is."""

import json
import os
import time
from pathlib import Path

from moderation.runs.digests import NAME, SETTLED, Digests
from moderation.text.digest import file_digest


def aged(path: Path, content: str) -> Path:
    """A file that has lain there for a while."""
    path.write_text(content)
    os.utime(path, (1_700_000_000, 1_700_000_000))
    return path


def settle(path: Path) -> None:
    """Waits until a file's times tell of any later change."""
    while time.time() - path.stat().st_ctime <= SETTLED:
        time.sleep(0.05)


def test_a_known_file_is_not_read_again_and_a_changed_one_is(tmp_path) -> None:
    path = aged(tmp_path / "a", "one")
    settle(path)
    digests = Digests(tmp_path)
    assert digests.of(path) == file_digest(path)
    digests.write()
    content = json.loads((tmp_path / NAME).read_text())
    content[str(path)][0] = "remembered"
    (tmp_path / NAME).write_text(json.dumps(content))
    assert Digests(tmp_path).of(path) == "remembered"
    aged(path, "two")  # the same size and time of change, but another change of the inode
    assert Digests(tmp_path).of(path) == file_digest(path)


def test_a_file_that_changed_just_now_is_not_remembered(tmp_path) -> None:
    path = tmp_path / "a"
    path.write_text("one")
    digests = Digests(tmp_path)
    digests.of(path)
    digests.write()
    assert json.loads((tmp_path / NAME).read_text()) == {}


def test_an_unreadable_memory_is_no_memory(tmp_path) -> None:
    path = aged(tmp_path / "a", "one")
    for content in ("", "[]", json.dumps({str(path): 5}), "not json"):
        (tmp_path / NAME).write_text(content)
        assert Digests(tmp_path).of(path) == file_digest(path)


def test_files_that_are_gone_are_forgotten(tmp_path) -> None:
    (tmp_path / NAME).write_text(json.dumps({str(tmp_path / "gone"): ["x", 1, 2, 3, 4]}))
    Digests(tmp_path).write()
    assert json.loads((tmp_path / NAME).read_text()) == {}
