"""A live line while Spark scores: rows done, rows per second, time left. Quiet when nobody is looking."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark import SparkContext

INTERVAL = 0.5  # seconds between looks at Spark's status


@contextmanager
def progress(context: "SparkContext", what: str, rows: int, shards: int, found: int = 0) -> Iterator[None]:
    """Shows how far the job started inside is, on standard error where that is a terminal.

    A task is a shard; Spark tells no more before its end, so rows done are tasks done times the mean rows of a shard.
    `found` shards were there before.
    """
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[shards]} shards  {task.completed:,.0f}/{task.total:,.0f} rows  {task.fields[rate]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    context.setJobGroup(what, what)
    done = threading.Event()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        line = bar.add_task(what, total=rows, rate="", shards=shards_done(0, shards, found))

        def look() -> None:
            while not done.wait(INTERVAL):
                done_shards = completed_tasks(context, what)
                finished, elapsed = rows * done_shards / shards, bar.tasks[line].elapsed or 1
                rate = f"{finished / elapsed:,.0f} rows/s" if finished else ""
                bar.update(line, completed=finished, rate=rate, shards=shards_done(done_shards, shards, found))

        watcher = threading.Thread(target=look, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            done.set()
            watcher.join()
            context.setLocalProperty("spark.jobGroup.id", None)  # type: ignore[arg-type]


def completed_tasks(context: "SparkContext", group: str) -> int:
    """The tasks of the group's newest job that are done: scoring has one stage."""
    tracker = context.statusTracker()
    jobs = [tracker.getJobInfo(job) for job in tracker.getJobIdsForGroup(group)]
    stages = sorted({stage for job in jobs if job for stage in job.stageIds})
    found = tracker.getStageInfo(stages[-1]) if stages else None
    return int(found.numCompletedTasks) if found else 0


def shards_done(done: int, shards: int, found: int) -> str:
    """Shards done of all, and how many of them were there before the run."""
    before = f" ({found:,} were there)" if found else ""
    return f"{done + found:,}/{shards + found:,}{before}"
