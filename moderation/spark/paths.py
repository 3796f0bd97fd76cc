"""Local paths as Spark reads them."""

import re
from pathlib import Path


def literal(path: Path) -> str:
    """A path with the characters escaped that Spark would read as a pattern."""
    return re.sub(r"([*?\[\]{}\\])", r"\\\1", str(path))
