"""What goes on beside the server: live estimates, driving words, jobs. No call blocks, and none fails for what goes
wrong there: the queue of texts works without it."""

import json
import logging
import os
import subprocess
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from moderation.audit.design import SampleFolder
from moderation.review.jobs import Jobs, cause, last_lines
from moderation.review.leash import Message, ended, heard, started, tell
from moderation.review.shrinking import pictures
from moderation.review.word_store import Marks, WordReader

log = logging.getLogger("moderation")
WORKER = "moderation.review.worker"
RESTARTS = 3
PAUSE = 0.5  # seconds before the first restart, twice as long before each further one
MOST_POINTS = 80  # of the history
PIPE_BUF = 4096  # bytes that a pipe takes whole or not at all


class Background:
    """One worker beside a server, started again when it dies, and the jobs that people ask for."""

    def __init__(self, output: Path, run_id: str, folder: SampleFolder | None, words: bool = True) -> None:
        self.output, self.run_id, self.with_words = output, run_id, words
        self.jobs = Jobs({"output": str(output)})
        self.lock, self.stopping = threading.Lock(), threading.Event()
        self.process: subprocess.Popen[bytes] | None = None
        self.thread: threading.Thread | None = None
        self.clear(folder)

    def clear(self, folder: SampleFolder | None) -> None:
        """Nothing is known of a sample yet."""
        self.folder, self.reader = folder, WordReader(folder) if folder else None
        self.points: dict[int, list[dict[str, Any]]] = {}
        self.drawn = ""
        self.note, self.state = "", ("computing", "") if self.with_words else ("off", "nobody asked for them")

    def start(self) -> None:
        """Starts the worker, if there is a sample to work on."""
        if self.folder and not self.thread:
            self.thread = threading.Thread(target=self.watch_over, name="background", daemon=True)
            self.thread.start()

    def watch(self, folder: SampleFolder) -> None:
        """From now on this sample: it was just drawn."""
        self.end_worker()
        with self.lock:
            self.clear(folder)
            self.stopping = threading.Event()
        self.start()

    def stop(self) -> None:
        """Ends all processes."""
        self.jobs.stop()
        self.end_worker()
        if self.reader:
            self.reader.close()

    def end_worker(self) -> None:
        """Ends the worker and the thread that watches over it."""
        self.stopping.set()
        with self.lock:
            process, thread = self.process, self.thread
        if process:
            ended(process)
        if thread:
            thread.join(5)
        self.thread = None

    def estimates(self) -> list[dict[str, Any]] | None:
        """The latest estimates of the whole run, None before the first."""
        with self.lock:
            return self.points[max(self.points)] if self.points else None

    def estimates_note(self) -> str:
        """What is wrong with the estimates; '' where nothing is."""
        return self.note

    def history(self) -> list[dict[str, Any]]:
        """The estimates as verdicts came in, oldest first: `entries` of the store, and the `estimates` from them."""
        with self.lock:
            return [{"entries": count, "estimates": self.points[count]} for count in sorted(self.points)]

    def picture(self) -> str:
        """How the estimates became surer, as SVG; '' while too little is known. Drawn when they came, not now."""
        return self.drawn

    def words(self, row_id: str, date: str, label: str) -> Marks | None:
        """The words that drove a score, None where they are not there; the row is then the next to be explained."""
        found = self.reader.find(row_id, date, label) if self.reader else None
        if found is None and self.state[0] != "off":
            self.hint({"wanted": [row_id, date, label]})
        return found

    def words_state(self) -> tuple[str, str]:
        """`ready`, `computing` or `off`, and why it is off."""
        return self.state

    def ask(self, kind: str, **arguments: Any) -> str:
        """Asks for a job and returns its id; raises `UsageError` as `Jobs.ask` does."""
        return self.jobs.ask(kind, **arguments)

    def job(self, id: str) -> dict[str, Any] | None:
        """A job as it stands, None for an unknown id."""
        return self.jobs.job(id)

    def hint(self, message: Message) -> None:
        """Tells the worker something that it may miss: a pipe that is full is not waited for."""
        line, process = json.dumps(message).encode() + b"\n", self.process
        if process and process.stdin and len(line) <= PIPE_BUF:
            with suppress(OSError, ValueError):
                os.write(process.stdin.fileno(), line)

    def watch_over(self) -> None:
        """Runs the worker, and again when it dies, `RESTARTS` times."""
        stopping = self.stopping
        for attempt in range(RESTARTS + 1):
            code, said = self.run()
            if stopping.is_set() or not code:  # where it could do nothing it said why
                return
            if stopping.wait(PAUSE * 2**attempt):
                return
        self.note = f"the background process ended {RESTARTS + 1} times ({said}); start the server again for estimates"
        self.state = "off", f"the background process ended {RESTARTS + 1} times ({said})"

    def run(self) -> tuple[int, str]:
        """The worker until it ends: its exit code, and what ended it in words."""
        try:
            with tempfile.TemporaryFile() as errors:
                return self.listen(started(WORKER, errors), errors)
        except OSError as error:
            return 1, f"no process could be started: {error.strerror}"

    def listen(self, process: "subprocess.Popen[bytes]", errors: IO[bytes]) -> tuple[int, str]:
        """As `run`, once it runs."""
        assert self.folder and process.stdin
        about = {"output": str(self.output), "run_id": self.run_id, "folder": str(self.folder.path)}
        tell(process, {**about, "words": self.with_words})
        with suppress(OSError):
            os.set_blocking(process.stdin.fileno(), False)
        with self.lock:
            self.process = process
        if self.stopping.is_set():
            ended(process)
        for message in heard(process):
            self.take(message)
        code = process.wait()
        with self.lock:
            self.process = None
        with suppress(OSError):
            process.stdin.close()
        if code and not self.stopping.is_set():
            log.warning("the review's background process ended: %s\n%s", cause(code), last_lines(errors))
        return code, cause(code)

    def take(self, message: Message) -> None:
        """Notes what the worker says."""
        self.note_message(message)
        if "estimates" in message:
            self.drawn = pictures(self.history())

    def note_message(self, message: Message) -> None:
        """Notes it, and draws nothing."""
        with self.lock:
            if "estimates" in message:
                self.points[int(message["entries"])] = message["estimates"]
                self.note = ""
                if len(self.points) > MOST_POINTS:
                    for count in sorted(self.points)[1:-1:2]:
                        del self.points[count]
            self.note = message.get("estimates_note", self.note)
            if "words" in message:
                state, reason = message["words"]
                self.state = str(state), str(reason)
