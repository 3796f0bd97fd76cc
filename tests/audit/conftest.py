"""A published run that several audits look at."""

import shutil
from pathlib import Path

import pytest

from tests.audit.replayed import published_run


@pytest.fixture(scope="session")
def replayed(spark, tiny_model, tmp_path_factory) -> Path:
    """A published run below `out`, its input, model, calibration and policy beside it; tests leave all as it was."""
    found = tmp_path_factory.mktemp("replayed")
    shutil.copytree(tiny_model, found / "model")
    published_run(found, found / "model")
    return found
