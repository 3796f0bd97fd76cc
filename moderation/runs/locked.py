"""Outputs and runs that a command names."""

import difflib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from moderation.errors import UsageError
from moderation.quality.index import refresh_index
from moderation.runs.history import Manifests


def check_output(output: Path) -> Path:
    """The output's full path; raises `UsageError` where no run ever wrote there."""
    if not output.is_dir():
        raise UsageError(f"output {output}: no such folder")
    if not (output / "runs").is_dir():
        raise UsageError(f"output {output}: holds no runs (a folder runs/ beside labelled/)")
    return output.resolve()


@contextmanager
def locked(output: Path) -> Iterator[None]:
    """Holds the output's lock, with unfinished publications finished; raises `UsageError` where a run holds it."""
    from moderation.runs.publish_finish import recover
    from moderation.runs.run import take_lock

    with take_lock(check_output(output)):
        recover(output)
        yield
        refresh_index(output.resolve())


def find_run(output: Path, manifests: Manifests, name: str) -> str:
    """A run by its id, the beginning of one, or `latest`; raises `UsageError` that names the nearest."""
    found = list(manifests)[-1:] if name == "latest" else [run_id for run_id in manifests if run_id.startswith(name)]
    if name in manifests or len(found) == 1:
        return name if name in manifests else found[0]
    near = found or difflib.get_close_matches(name, manifests, 3, 0) or ["none"]
    problem = "more than one run begins so" if len(found) > 1 else "no such run"
    raise UsageError(f"run {name}: {problem} in {output}; the nearest: {', '.join(near[:3])}")
