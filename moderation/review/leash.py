"""A process that belongs to another one: started with the same modules, dead as soon as the other one is.

Two things see to that, as either alone can be missed: the kernel's parent-death signal (Linux), and the end of standard
input, which a parent closes however it ends. What they say to each other is a JSON object a line.
"""

import ctypes
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

PR_SET_PDEATHSIG = 1
NICER = 5  # than the parent, which answers people
FIRST_TO_GO = "500"  # of 1000: when memory is short the kernel takes these processes before the parent
PATIENCE = 2.0  # seconds to end by itself

Message = dict[str, Any]
Say = Callable[[Message], None]


def started(module: str, stderr: IO[Any] | int | None = None) -> "subprocess.Popen[bytes]":
    """A process that runs a module of ours, told by `tell` and read by `heard`. The thread that calls this has to
    outlive it: the kernel takes the end of the thread for the parent's."""
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "HF_HUB_OFFLINE": "1",  # whoever opens a page has not asked for a download
        "TOKENIZERS_PARALLELISM": "false",
    }
    return subprocess.Popen(
        [sys.executable, "-P", "-m", module, str(os.getpid())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=stderr,
        env=environment,
        process_group=0,  # Ctrl-C is for the parent, which ends this in order
    )


def tell(process: "subprocess.Popen[bytes]", message: Message) -> None:
    """Says something to a process; one that is gone hears nothing."""
    with suppress(OSError, ValueError):
        assert process.stdin is not None
        process.stdin.write(json.dumps(message).encode() + b"\n")
        process.stdin.flush()


def heard(process: "subprocess.Popen[bytes]") -> Iterator[Message]:
    """What a process says until it ends; half a line of one that was killed is nothing."""
    assert process.stdout is not None
    for line in process.stdout:
        with suppress(ValueError):
            if isinstance(found := json.loads(line), dict):
                yield found


def ended(process: "subprocess.Popen[bytes]") -> None:
    """Ends a process with all that it started: asked first, and made to after `PATIENCE`."""
    with suppress(OSError):
        process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(PATIENCE)
    with suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def leashed(parent: int) -> tuple[Message, Say, Iterator[Message]]:
    """Called first thing in such a process: what it is to do, how it speaks, and what it is told later on.

    Standard output is kept for messages alone: what libraries print goes to standard error. The later messages have to
    be read, or the end of the parent is seen by the kernel alone.
    """
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    os.nice(NICER)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(FIRST_TO_GO)
    spoken = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    lock = threading.Lock()

    def say(message: Message) -> None:
        with lock, suppress(OSError):
            spoken.write(json.dumps(message, default=str).encode() + b"\n")
            spoken.flush()

    parent_says = os.fdopen(0, "rb", buffering=0)  # a buffer's lock would be held when the interpreter ends
    return json.loads(parent_says.readline()), say, told(parent_says)


def told(parent: IO[bytes]) -> Iterator[Message]:
    """What the parent says; when it ends, so does this process at once."""
    for line in parent:
        with suppress(ValueError):
            yield json.loads(line)
    os._exit(0)
