"""A model folder that a test may break."""

import shutil
from pathlib import Path

import pytest
from families import make


@pytest.fixture
def folder(tiny_model: Path, tmp_path: Path) -> Path:
    """A copy of the tiny model."""
    return Path(shutil.copytree(tiny_model, tmp_path / "model"))


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty place for imported models."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "moderation" / "models"


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """A model in transformers' layout: three classes, of which a text has one."""
    return make(tmp_path / "plain", "bert", "Sequence", ["calm", "rude", "vile"])
