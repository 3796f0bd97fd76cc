"""Digests of texts, files and folders."""

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.text.digest import file_digest, folder_digest, text_digest


@given(st.text())
def test_a_text_digest_is_the_sha256_of_its_utf8(text: str) -> None:
    assert text_digest(text) == hashlib.sha256(text.encode("utf-8")).hexdigest()


def test_texts_that_only_look_alike_have_different_digests() -> None:
    looks = ["é", "e\u0301", "e", "é ", "é\x00", "е"]
    assert len({text_digest(text) for text in looks}) == len(looks)


@pytest.mark.parametrize("size", [0, 1, 1_000_003])
def test_a_file_digest_is_the_sha256_of_its_bytes(tmp_path: Path, size: int) -> None:
    content = bytes(range(256)) * (size // 256 + 1)
    (tmp_path / "file").write_bytes(content[:size])
    assert file_digest(tmp_path / "file") == hashlib.sha256(content[:size]).hexdigest()


def folder(path: Path, **files: str) -> Path:
    path.mkdir()
    for name, content in files.items():
        (path / name).write_text(content)
    return path


def test_a_folder_digest_does_not_depend_on_where_the_folder_is(tmp_path: Path) -> None:
    one, two = folder(tmp_path / "one", a="1", b="2"), folder(tmp_path / "two", a="1", b="2")
    assert folder_digest(one, ["a", "b"]) == folder_digest(two, ["a", "b"])


def test_a_folder_digest_tells_which_file_has_which_content(tmp_path: Path) -> None:
    one, two = folder(tmp_path / "one", a="1", b="2"), folder(tmp_path / "two", a="2", b="1")
    assert folder_digest(one, ["a", "b"]) != folder_digest(two, ["a", "b"])


def test_a_folder_digest_ignores_files_that_are_not_named(tmp_path: Path) -> None:
    one, two = folder(tmp_path / "one", a="1"), folder(tmp_path / "two", a="1", notes="x")
    assert folder_digest(one, ["a"]) == folder_digest(two, ["a"])
