"""Finds the data files of the package, alike from a checkout and from an installed wheel."""

from pathlib import Path

PACKAGE = Path(__file__).parent


def schemas() -> Path:
    """The folder of contracts, suites and the default policy: `schemas/` of the checkout, or its copy in the wheel."""
    installed = PACKAGE / "_schemas"
    return installed if installed.is_dir() else PACKAGE.parent / "schemas"


def functional() -> Path:
    """The folder of functional cases and bias templates: that of the checkout's tests, or its copy in the wheel."""
    installed = PACKAGE / "_functional"
    return installed if installed.is_dir() else PACKAGE.parent / "tests" / "functional"


def builtin_model() -> Path:
    """The folder of the model that ships with the package."""
    return PACKAGE / "models" / "builtin"
