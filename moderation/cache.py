"""The folder below which what was made once is kept: converted networks, imported models."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def cache_folder() -> Path:
    """`moderation` below XDG_CACHE_HOME (default ~/.cache)."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "moderation"


@contextmanager
def turn(folder: Path) -> Iterator[None]:
    """Waits until no other process of this machine makes the same folder: all workers of a job come at once, and the
    memory of one is enough. The lock goes with the process, however it ends."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f".{folder.name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
