"""Runs the project's commands as a user does: in a process of their own."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def moderation(*arguments: object, folder: Path | None = None, text: str | None = None, **environment: str):
    """Runs the `moderation` command; returns the finished process with its output as text."""
    return run([sys.executable, "-m", "moderation", *map(str, arguments)], folder, text, **environment)


def run(command: list[str], folder: Path | None = None, text: str | None = None, **environment: str):
    """Runs a command with the project importable."""
    bin_folder = str(Path(sys.executable).parent)
    variables = os.environ | {"PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        command,
        cwd=folder,
        input=text or "",  # never the terminal of who runs the tests
        env=variables | environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
