"""Runs the command line within this process, and looks at what is left."""

import contextlib
import io
import os
from pathlib import Path

from moderation.cli import app, exit_code
from moderation.text.digest import file_digest


def run(*arguments: object) -> tuple[int, str]:
    """The exit code of `moderation run` and what it printed on standard error; an error that is not ours is raised."""
    printed = io.StringIO()
    with contextlib.redirect_stderr(printed), contextlib.redirect_stdout(io.StringIO()):
        code = exit_code(lambda: app(["run", *map(str, arguments)], standalone_mode=False))
    return code, printed.getvalue()


def refusal(path: Path, output: Path, *arguments: object) -> tuple[int, str]:
    """The exit code and the one line of a run that is refused; it must be one."""
    code, printed = run("--input", path, "--output", output, *arguments)
    (line,) = [line for line in printed.splitlines() if not line.startswith("{")]  # stages are logged as JSON
    assert line.startswith("moderation: ")
    return code, line


def snapshot(folder: Path) -> dict[str, str]:
    """Everything below a folder: files with their digests, links with where they lead, folders."""
    found = {}
    for parent, folders, files in os.walk(folder):
        for name in folders + files:
            path = Path(parent, name)
            regular = path.is_file() and not path.is_symlink()
            found[str(path)] = file_digest(path) if regular else str(path.is_symlink() and path.readlink())
    return found
