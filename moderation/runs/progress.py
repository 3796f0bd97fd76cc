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
def progress(context: "SparkContext", what: str, rows: int, tasks: int) -> Iterator[None]:
    """Shows how far the job started inside is, on standard error where that is a terminal.

    Rows done are tasks done times rows per task: Spark tells no more before a task's end, and tasks are of equal size.
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
        TextColumn("{task.completed:,.0f}/{task.total:,.0f} rows  {task.fields[rate]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    context.setJobGroup(what, what)
    done = threading.Event()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        line = bar.add_task(what, total=rows, rate="")

        def look() -> None:
            while not done.wait(INTERVAL):
                finished = rows * completed_share(context, what, tasks)
                elapsed = bar.tasks[line].elapsed or 1
                bar.update(line, completed=finished, rate=f"{finished / elapsed:,.0f} rows/s" if finished else "")

        watcher = threading.Thread(target=look, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            done.set()
            watcher.join()
            context.setLocalProperty("spark.jobGroup.id", None)  # type: ignore[arg-type]


def completed_share(context: "SparkContext", group: str, tasks: int) -> float:
    """The share of the scoring stage's tasks that are done.

    A group's first stage reads and spreads the rows; the scoring stage is the last, with as many tasks as were asked.
    """
    tracker = context.statusTracker()
    jobs = [tracker.getJobInfo(job) for job in tracker.getJobIdsForGroup(group)]
    stages = sorted({stage for job in jobs if job for stage in job.stageIds})
    found = tracker.getStageInfo(stages[-1]) if len(stages) > 1 else None
    return found.numCompletedTasks / tasks if found and found.numTasks == tasks else 0.0
