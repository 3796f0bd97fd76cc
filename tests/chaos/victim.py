"""A `moderation run` in a process of its own, and how to kill it with -9 in a phase of our choice."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cluster.standalone import session_members
from tests.commands import ROOT

PHASES = ("starting", "reading", "scoring", "deciding", "validating", "publishing", "ending")
NEXT = dict(zip(("read", "score", "decide", "validate", "publish"), PHASES[2:], strict=True))
QUICK = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"  # runs of seconds: compiling well takes longer than it saves
PATIENCE = 400  # seconds for one attempt, also on a machine that has much else to do


@dataclass
class Victim:
    """A run at work (or dead): its process leads a session, so that all that it started can be found."""

    process: "subprocess.Popen[bytes]"
    log: Path
    output: Path
    before: frozenset[str]
    started: float

    def phase(self) -> str:
        """Where the run is, or was when it died: by the lines that it logs at the end of each stage."""
        if lines := self.lines():
            return NEXT[lines[-1]["stage"]]
        return "reading" if run_names(self.output) - self.before else "starting"

    def lines(self) -> list[dict[str, Any]]:
        """The lines of its stages; the last one may not be there to its end yet."""
        lines = self.log.read_text(errors="replace").splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.startswith('{"run"') and line.endswith("}\n")]

    def shards_found(self) -> int | None:
        """How many shards it found in the store; None where it did not come to the end of scoring."""
        return next((line["found"] for line in self.lines() if line["stage"] == "score"), None)

    def wait_for(self, ready: Callable[[], bool]) -> bool:
        """Whether it came to that before the run ended; raises `TimeoutError` where neither comes."""
        while self.process.poll() is None:
            if ready():
                return True
            if time.monotonic() - self.started > PATIENCE:
                raise TimeoutError(self.log.read_text(errors="replace")[-2000:])
            time.sleep(0.002)
        return False

    def reaches(self, phase: str) -> bool:
        """Whether the run came to a phase, or past it, before it ended."""
        return self.wait_for(lambda: PHASES.index(self.phase()) >= PHASES.index(phase))

    def end(self) -> int:
        """Waits for the run's end and for all that it started; returns its exit code."""
        code = self.process.wait(max(1.0, PATIENCE - (time.monotonic() - self.started)))
        self.kill_machine()
        return code

    def kill_machine(self) -> None:
        """Everything dies at once: driver, JVM, Python workers."""
        while members := list(session_members(self.process.pid)):
            kill(members)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(0.05)
            if all(is_zombie(member) for member in members):
                break

    def kill_driver(self) -> None:
        """The driver's Python alone: JVM and workers live on for a moment, and may still write."""
        kill([self.process.pid])
        self.process.wait(20)

    def kill_jvm(self) -> None:
        """The JVM alone: the driver's Python finds itself without Spark, and ends in its own way."""
        kill(self.members("java"))
        self.process.wait(120)

    def members(self, word: str) -> list[int]:
        """The run's processes with a word in their command."""
        return [member for member in session_members(self.process.pid) if word in command_of(member)]

    def workers(self) -> list[int]:
        """Spark's Python workers: what its daemon forked."""
        daemons = self.members("pyspark.daemon")
        return [member for member in daemons if parent_of(member) in daemons]


def start(output: Path, config: Path, dump: Path, log: Path) -> Victim:
    """Starts the command that a user would type."""
    options = ["--config", str(config), "--input", str(dump), "--output", str(output)]
    before, environment = run_names(output), os.environ | {"PYTHONPATH": str(ROOT), "JAVA_TOOL_OPTIONS": QUICK}
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "moderation", "run", *options],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            env=environment,
            start_new_session=True,
        )
    return Victim(process, log, output, before, time.monotonic())


def run_names(output: Path) -> frozenset[str]:
    """The runs that have a manifest."""
    return frozenset(path.parent.name for path in (output / "runs").glob("*/manifest.json"))


def kill(processes: Iterable[int]) -> None:
    """-9 to each that is still there."""
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


def command_of(process: int) -> str:
    """A process's command line, empty where it is gone."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return ""


def status_of(process: int) -> list[str]:
    """State, parent and so on, as /proc has them."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2].split()
    return ["Z", "0"]


def parent_of(process: int) -> int:
    """The parent of a process."""
    return int(status_of(process)[1])


def is_zombie(process: int) -> bool:
    """Whether a process is dead, if not yet buried (orphans of a container's first process may never be)."""
    return status_of(process)[0] == "Z"
