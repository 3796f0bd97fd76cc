"""A live line while Spark scores: rows done, rows per second, time left. Quiet when nobody is looking."""

import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark import SparkContext

INTERVAL = 0.5  # seconds between looks at Spark's status


@contextmanager
def progress(context: "SparkContext", what: str, tasks: Sequence[tuple[int, int]], found: int = 0) -> Iterator[None]:
    """Shows how far the job started inside is, on standard error where that is a terminal.

    `tasks` are the rows and shards of each of its tasks, in order. Spark tells only how many are done: they are taken
    to be the first ones. `found` shards were there before.
    """
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    rows, shards = ([0, *accumulate(sizes)] for sizes in zip(*tasks, strict=True))
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
        line = bar.add_task(what, total=rows[-1], rate="", shards=shards_done(0, shards[-1], found))

        def show(ended: int) -> None:
            finished, elapsed = rows[ended], bar.tasks[line].elapsed or 1
            rate = f"{finished / elapsed:,.0f} rows/s" if finished else ""
            bar.update(line, completed=finished, rate=rate, shards=shards_done(shards[ended], shards[-1], found))

        def look() -> None:
            while not done.wait(INTERVAL):
                show(completed_tasks(context, what))

        watcher = threading.Thread(target=look, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            done.set()
            watcher.join()
            context.setLocalProperty("spark.jobGroup.id", None)  # type: ignore[arg-type]
        show(len(tasks))  # tasks that ended since the last look


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
