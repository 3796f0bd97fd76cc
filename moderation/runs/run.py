"""A run: its folder, its lock, its timed stages, and how it ends."""

import contextlib
import datetime
import errno
import fcntl
import json
import logging
import os
import secrets
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, ParamSpec, Self, TextIO, TypeVar

from moderation.config import Config
from moderation.errors import GateRefused, UsageError
from moderation.quality.index import refresh_index
from moderation.runs import digests, store
from moderation.runs.manifest import Manifest, mark_interrupted, versions
from moderation.runs.publish import check_format, recover
from moderation.runs.publish_journal import JOURNAL

P = ParamSpec("P")
R = TypeVar("R")
FULL = (errno.ENOSPC, errno.EDQUOT)
LOCK = ".lock"  # stays in the output folder: removing it would let two runs hold two locks of one name
STAGING = ".staging"
ACCEPTED = "accepted.json"  # beside the staged rows of a run that waits to be published
log = logging.getLogger("moderation")


class Run:
    """A run of one config; as a context it holds the output's lock and cleans up whatever way it ends.

    Ends: published; scored or accepted, where no more was asked for (accepted rows stay, to be published); refused
    (manifest, Data Docs and staged rows are kept); a `UsageError` (nothing is left but scores, if there are any yet);
    any other error (the manifest says which, staged rows are removed); death, and then the next run says `interrupted`
    and clears up.
    """

    def __init__(self, config: Config) -> None:
        now = datetime.datetime.now(datetime.UTC)
        run_id = f"{now:%Y%m%dT%H%M%SZ}-{now.microsecond:05x}{secrets.token_hex(1)}"  # in order by name
        self.output = config.output.resolve()
        self.folder, self.staging = self.output / "runs" / run_id, self.output / STAGING / run_id
        self.manifest = Manifest(run_id, now.isoformat(timespec="seconds"))
        self.manifest.config = config.model_dump(mode="json")
        self.manifest.versions = versions()
        self.lock: TextIO | None = None
        self.created: list[Path] = []
        self.notes: dict[str, int | str] = {}

    def __enter__(self) -> Self:
        self.created = make_folders(self.output)
        self.lock = take_lock(self.output)
        try:
            self.begin()
        except BaseException as error:
            for folder in (self.folder, self.staging):
                shutil.rmtree(folder, ignore_errors=True)
                remove_if_empty(folder.parent)
            self.unmake()
            self.lock.close()
            if isinstance(error, OSError) and error.errno in FULL:
                raise UsageError(f"output {self.output}: cannot be written ({error.strerror})") from error
            raise
        return self

    def begin(self) -> None:
        """Finishes and clears what runs before have left, and makes the run's folders."""
        recover(self.output)
        check_format(self.output, self.manifest.config["publish"]["format"])
        mark_interrupted(self.output)
        store.clean(self.output)
        clear_staging(self.output)
        self.staging.mkdir(parents=True)
        self.folder.mkdir(parents=True)
        self.manifest.write(self.folder)

    def stage(self, name: str, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Calls a stage, times it and logs one structured line."""
        started = time.monotonic()
        self.notes = {}
        result = function(*args, **kwargs)
        seconds = round(time.monotonic() - started, 3)
        self.manifest.timings[name] = seconds
        log.info(json.dumps({"run": self.manifest.run_id, "stage": name, "seconds": seconds, **self.notes}))
        return result

    def note(self, **figures: int | str) -> None:
        """Adds figures to the log line of the stage at work; never text of users."""
        self.notes |= figures

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        unfinished = (self.folder / JOURNAL).exists()  # a publication that the next run will finish
        if isinstance(error, UsageError) and not unfinished:
            shutil.rmtree(self.folder)
        elif not unfinished:
            self.finish(error)
        refresh_index(self.output)
        waits = unfinished or (self.staging / ACCEPTED).exists()
        if not isinstance(error, GateRefused) and not waits:
            shutil.rmtree(self.staging, ignore_errors=True)
            for empty in (self.output / STAGING, self.output / "runs"):
                remove_if_empty(empty)
        if isinstance(error, UsageError) and not unfinished:
            self.unmake()
        if self.lock:
            self.lock.close()

    def unmake(self) -> None:
        """Removes the output folder again, if it is this run that made it."""
        if self.created:
            for name in (LOCK, digests.NAME):
                (self.output / name).unlink(missing_ok=True)
            for folder in reversed(self.created):
                remove_if_empty(folder)

    def finish(self, error: BaseException | None) -> None:
        """Writes the manifest's last state."""
        if isinstance(error, GateRefused):
            self.manifest.status = "refused"
        elif error is not None:
            self.manifest.status, self.manifest.error = "failed", type(error).__name__
        self.manifest.finished = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        self.manifest.write(self.folder)

    def describe(self, **sections: Any) -> None:
        """Sets sections of the manifest."""
        for name, value in sections.items():
            setattr(self.manifest, name, value)


def make_folders(output: Path) -> list[Path]:
    """Makes the output folder; returns the folders that were new. Raises `UsageError` where it cannot be written."""
    new = [folder for folder in (output, *output.parents) if not folder.exists()][::-1]
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"output {output}: cannot be made ({error.strerror})") from error
    if not os.access(output, os.W_OK | os.X_OK):
        raise UsageError(f"output {output}: this user may not write there")
    return new


def clear_staging(output: Path) -> None:
    """Removes what runs left that died or were refused: the lock, which must be held, says that they are gone."""
    for folder in (output / STAGING).glob("*"):
        if not (folder / ACCEPTED).exists():
            shutil.rmtree(folder, ignore_errors=True)


def take_lock(output: Path, name: str = LOCK, held: str = "another run is writing there") -> TextIO:
    """Locks the output folder until the file is closed or the process dies; raises `UsageError` where it is held."""
    try:
        file = (output / name).open("a+")
    except OSError as error:
        raise UsageError(f"output {output}: cannot be written ({error.strerror})") from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.seek(0)
        holder = file.read().strip() or "unknown"
        file.close()
        raise UsageError(f"output {output}: {held} (process {holder}); try again when it is done") from error
    with contextlib.suppress(OSError):  # only for who waits: a full disk is told where it matters
        os.ftruncate(file.fileno(), 0)
        os.write(file.fileno(), str(os.getpid()).encode())
    return file


def remove_if_empty(folder: Path) -> None:
    """Removes a folder that holds nothing."""
    with contextlib.suppress(OSError):
        folder.rmdir()


def log_to_stderr() -> None:
    """One line per log record on standard error, for commands and jobs."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    log.handlers, log.propagate = [handler], False
    log.setLevel(logging.INFO)
