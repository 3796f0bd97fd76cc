"""Kills a process at every step of a publication or rollback and tells what the next run finds.

`python -m tests.runs.killed parquet|renames|delta publish|rollback FOLDER` prints one JSON line for each step: the
state after recovery, whether it had been written down, and what is left. A step is a call that can change what is on
the disk.
"""

import importlib
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from moderation.runs import publish_swap, rollback
from moderation.runs.locked import locked
from moderation.runs.manifest import read_manifests
from moderation.runs.publish_journal import JOURNAL
from tests.runs.publications import MONDAY, TUESDAY, WEDNESDAY, publication, state

SYSTEM = {"mkdir", "link", "rename", "replace", "unlink", "rmdir", "fsync"}
DELTA = {"create_write_transaction", "create_table_with_add_actions", "add_columns", "restore", "flush"}


def kill_at(step: int) -> None:
    """Has this process kill itself before its n-th call that can change what is on the disk."""
    left = step

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal left
        name = getattr(argument, "__name__", "")
        called = event == "c_call" and (name in DELTA or (name in SYSTEM and argument.__module__ == "posix"))
        swapped = event in ("call", "return") and frame.f_code is publish_swap.exchange.__code__
        left -= called or swapped
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(count)


def in_child(function: Callable[[], None]) -> bool:
    """Calls a function in a process of its own; whether it came to its end."""
    if (child := os.fork()) == 0:
        function()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def at_work(output: Path, kind: str, what: str) -> None:
    """What is killed."""
    if what == "publish":
        rows = {"aa": {MONDAY: 3, WEDNESDAY: 2}}
        publication(output, rows, kind, more="a new column")
    else:
        # Not the first by name: two runs that began in one second are in no order.
        (first,) = [manifest["run_id"] for manifest in read_manifests(output) if manifest["parent"] is None]
        rollback.rollback(output, first)


def report(output: Path) -> None:
    """Recovers and writes down what there is."""
    written = bool(list((output / "runs").glob(f"*/{JOURNAL}")))
    with locked(output):
        pass
    manifests = [json.loads(path.read_text()) for path in sorted((output / "runs").glob("*/manifest.json"))]
    found = {
        "written": written,
        "state": [[*place, sum(runs.values()), len(runs)] for place, runs in sorted(state(output).items())],
        "statuses": [manifest["status"] for manifest in manifests],
        "files": len(list((output / "labelled").glob("date=*/*.parquet"))),
        "versions": len(list(output.glob(".versions/*"))),
        "staged": [path.name for path in output.glob(".staging")],
        "journals": len(list((output / "runs").glob(f"*/{JOURNAL}"))),
    }
    (output / "report.json").write_text(json.dumps(found))


def main(kind: str, what: str, folder: Path) -> None:
    """Kills at every step until there is none left; `renames` is parquet where no folders swap in one step."""
    if kind == "renames":
        publish_swap.exchange = lambda one, other: False
        kind = "parquet"
    base = folder / "base"

    def begin() -> None:
        publication(base, {"aa": {MONDAY: 1, TUESDAY: 1}, "bb": {MONDAY: 4}}, kind)
        if what == "rollback":
            publication(base, {"aa": {MONDAY: 3, WEDNESDAY: 2}}, kind)

    publication(folder / "warm", {"aa": {MONDAY: 1}})  # all is imported and warm before processes are forked
    importlib.import_module("deltalake.transaction")
    assert in_child(begin)
    step, done = 0, False
    while not done:
        output = folder / "output"
        shutil.rmtree(output, ignore_errors=True)
        shutil.copytree(base, output)

        def attempt(output: Path = output, step: int = step) -> None:
            kill_at(step)
            at_work(output, kind, what)

        done = in_child(attempt)
        assert in_child(lambda output=output: report(output))
        print(json.dumps({"step": step, "done": done} | json.loads((output / "report.json").read_text())), flush=True)
        step += 1


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
