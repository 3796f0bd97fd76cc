"""`python keeper.py COMMAND...` runs a command and, when it is over, ends every process that came of it (on Linux).

It is over when the command ends, at SIGTERM, or when standard input does: whoever starts the keeper holds a pipe to it
open, which closes even where that one is killed by -9. A subreaper is given what its children leave behind, so a
process with a session, a title or an environment of its own is found as well.
"""

import contextlib
import ctypes
import os
import select
import signal
import sys
import time
from pathlib import Path

SET_CHILD_SUBREAPER = 36  # linux/prctl.h
PATIENCE = 5.0  # seconds to end by SIGTERM, and then by SIGKILL


def main(command: list[str]) -> int:
    """Runs the command until it is over; its exit code, 0 where it was ended."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    ctypes.CDLL(None).prctl(SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    nothing = (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)
    pid = os.posix_spawnp(command[0], command, os.environ, file_actions=[nothing])
    try:
        while not select.select([0], [], [], 0.5)[0]:
            if pid in (ended := reap()):
                return os.waitstatus_to_exitcode(ended[pid])
        return 0
    finally:
        end_all()


def end_all() -> None:
    """Asks all that came of this process to end, and makes those that do not."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    for sign in (signal.SIGTERM, signal.SIGKILL):
        until = time.monotonic() + PATIENCE
        while (left := descendants(os.getpid())) and time.monotonic() < until:
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, sign)
            time.sleep(0.2)
            reap()


def reap() -> dict[int, int]:
    """Takes leave of children that have ended; their states by process id."""
    ended = {}
    with contextlib.suppress(ChildProcessError):
        while (found := os.waitpid(-1, os.WNOHANG))[0]:
            ended[found[0]] = found[1]
    return ended


def descendants(root: int) -> list[int]:
    """The process ids of children, their children and so on."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
            children.setdefault(int(parent), []).append(int(entry.name))
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return found[1:]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
