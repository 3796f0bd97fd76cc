"""Spark's exceptions as one line that a person can act on."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from moderation.errors import UsageError

OURS = re.compile(r"^moderation\.errors\.UsageError: (.+)$", re.MULTILINE)
OTHER_PYTHON = re.compile(r"No module named '[\w.]+'|PYTHON_VERSION_MISMATCH")
SCORES = re.compile(r"^moderation\.runs\.store\.DamagedScores: (.+)$", re.MULTILINE)
FULL = re.compile("No space left on device|Disk quota exceeded")
FILE_READ = re.compile(
    r"(?:FAILED_READ_FILE[^:]*|Encountered error while reading file|Error while reading file)[^\n]*?(file:[^\s'\"]+)"
)


@contextmanager
def input_errors() -> Iterator[None]:
    """Turns Spark's complaints about input files, and a `UsageError` of a task, into `UsageError`; anything else passes
    through."""
    from py4j.protocol import Py4JJavaError
    from pyspark.errors import AnalysisException, PySparkException

    try:
        yield
    except (AnalysisException, PySparkException, Py4JJavaError) as error:
        text = str(error)
        if said := OURS.search(text):
            raise UsageError(said.group(1)) from error
        if other := OTHER_PYTHON.search(text):
            raise UsageError(
                f"the executors run another Python than the driver ({other.group()}): submit with "
                "--archives dist/environment.tar.gz#environment --conf spark.pyspark.python=./environment/bin/python"
            ) from error
        if found := FILE_READ.search(text):
            raise UsageError(
                f"input {found.group(1).rstrip('.,')}: the file is damaged and cannot be read to its end"
            ) from error
        raise


@contextmanager
def full_disk(output: Path) -> Iterator[None]:
    """Turns a full disk, whether this process or a worker of Spark's met it, into `UsageError`.

    Not for the publishing stage: what that has begun is finished by the next run.
    """
    from py4j.protocol import Py4JJavaError
    from pyspark.errors import PySparkException

    try:
        yield
    except (OSError, PySparkException, Py4JJavaError) as error:
        if found := FULL.search(str(error)):
            raise UsageError(
                f"output {output}: {found.group(0)}, there or in Spark's scratch folder (spark.local.dir); "
                "make room and run again: what has been scored is kept"
            ) from error
        raise


@contextmanager
def policy_errors() -> Iterator[None]:
    """Turns what a policy's condition does wrong on the data into `UsageError`: the kind of error, never the value."""
    from pyspark.errors import PySparkException

    try:
        yield
    except PySparkException as error:
        if OURS.search(str(error)) or SCORES.search(str(error)):
            raise
        raise UsageError(
            f"a policy rule's condition fails on some row ({error.getCondition() or type(error).__name__}): "
            "guard it, for example with try_cast or try_divide"
        ) from error


def damaged_scores(error: Exception) -> bool:
    """Whether a task found stored scores that it could not read."""
    return bool(SCORES.search(str(error)))


def first_line(text: str) -> str:
    """The first line of an exception's message, shortened."""
    return next((line.strip() for line in text.splitlines() if line.strip()), "unknown")[:300]
