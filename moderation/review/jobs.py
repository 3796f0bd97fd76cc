"""What a page asks for and waits for: one process after another, its last line of progress, what came of it."""

import logging
import queue
import signal
import subprocess
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from itertools import count
from typing import IO, Any, Literal

from moderation.errors import UsageError
from moderation.review.leash import ended, heard, started, tell

log = logging.getLogger("moderation")
KINDS = ("replay", "report", "sample", "index")
MOST_WAITING = 20
MOST_KEPT = 200
LETTERS = 500  # of a line
OPEN = ("waiting", "running")
ERRAND = "moderation.review.errand"


@dataclass(frozen=True)
class Job:
    """One job as a page sees it: `line` is its last progress, or why it failed."""

    id: str
    kind: str
    arguments: Mapping[str, Any] = field(repr=False)
    state: Literal["waiting", "running", "done", "failed"] = "waiting"
    line: str = ""
    result: Any = None

    def as_dict(self) -> dict[str, Any]:
        """All but the arguments."""
        return {name: value for name, value in asdict(self).items() if name != "arguments"}


class Jobs:
    """The jobs of one server. `when_done` is called with each that is done, in the thread that waited for it."""

    def __init__(self, about: Mapping[str, Any], when_done: Callable[[Job], None] | None = None) -> None:
        self.about, self.when_done = about, when_done
        self.jobs: OrderedDict[str, Job] = OrderedDict()
        self.lock, self.numbers = threading.Lock(), count(1)
        self.waiting: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self.process: subprocess.Popen[bytes] | None = None
        self.stopped = False
        self.thread = threading.Thread(target=self.work, name="jobs", daemon=True)

    def ask(self, kind: str, **arguments: Any) -> str:
        """Puts a job in the queue and returns its id; the same question has the same job until that one ends.

        Raises `UsageError` for an unknown kind, and where too many wait.
        """
        if kind not in KINDS:
            raise UsageError(f"job '{kind}': there are {', '.join(KINDS)}")
        with self.lock:
            open_ = [job for job in self.jobs.values() if job.state in OPEN]
            if same := next((job for job in open_ if (job.kind, job.arguments) == (kind, arguments)), None):
                return same.id
            if len(open_) >= MOST_WAITING:
                raise UsageError(f"{len(open_)} jobs wait already; ask again when some are done")
            job = Job(str(next(self.numbers)), kind, arguments)
            self.jobs[job.id] = job
            while len(self.jobs) > MOST_KEPT:
                self.jobs.popitem(last=False)
        self.waiting.put(job.id)
        if not self.thread.is_alive() and not self.stopped:
            self.thread.start()
        return job.id

    def job(self, id: str) -> dict[str, Any] | None:
        """A job as it stands, None for an unknown id."""
        with self.lock:
            found = self.jobs.get(id)
        return found.as_dict() if found else None

    def stop(self) -> None:
        """Ends the job that runs, and takes no more."""
        with self.lock:
            self.stopped, process = True, self.process
        self.waiting.put(None)
        if process:
            ended(process)

    def work(self) -> None:
        """One job after the other."""
        while (id := self.waiting.get()) is not None and not self.stopped:
            with self.lock:
                job = self.jobs.get(id)
            if job:
                done = self.run(job)
                if done.state == "done" and self.when_done:
                    self.when_done(done)

    def run(self, job: Job) -> Job:
        """One job in a process of its own; whatever ends that process, the job has an end."""
        job = self.keep(replace(job, state="running"))
        try:
            with tempfile.TemporaryFile() as errors:
                return self.listen(job, started(ERRAND, errors), errors)
        except OSError as error:
            return self.keep(replace(job, state="failed", line=f"no process could be started ({error.strerror})"))

    def listen(self, job: Job, process: "subprocess.Popen[bytes]", errors: IO[bytes]) -> Job:
        """A job until its process ends."""
        with self.lock:
            self.process = process
        if self.stopped:
            ended(process)
        tell(process, {"kind": job.kind, "arguments": dict(job.arguments), **self.about})
        for message in heard(process):
            job = self.keep(after(job, message))
        code = process.wait()
        if job.state == "running":
            log.error("job %s ended without an answer: %s\n%s", job.kind, cause(code), last_lines(errors))
            job = self.keep(replace(job, state="failed", line=f"ended without an answer: {cause(code)}"))
        with suppress(OSError):
            if process.stdin:
                process.stdin.close()
        with self.lock:
            self.process = None
        return job

    def keep(self, job: Job) -> Job:
        """Notes a job as it now stands."""
        with self.lock:
            if job.id in self.jobs:
                self.jobs[job.id] = job
        return job


def after(job: Job, message: Mapping[str, Any]) -> Job:
    """A job after its process said something."""
    if "failed" in message:
        return replace(job, state="failed", line=str(message["failed"])[:LETTERS])
    if "result" in message:
        return replace(job, state="done", result=message["result"])
    return replace(job, line=str(message.get("line", ""))[:LETTERS])


def cause(code: int) -> str:
    """What ended a process, in words."""
    if code >= 0:
        return f"exit code {code}"
    with suppress(ValueError):
        return f"killed by {signal.Signals(-code).name}" + (", which may be for want of memory" if code == -9 else "")
    return f"killed by signal {-code}"


def last_lines(errors: IO[bytes], most: int = 4000) -> str:
    """The end of what a process wrote to standard error."""
    errors.seek(max(0, errors.seek(0, 2) - most))
    return errors.read().decode(errors="replace").strip()
