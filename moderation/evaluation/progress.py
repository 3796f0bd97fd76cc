"""How far scoring is: a live line on a terminal, else a plain line twice a minute."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

LINE_SECONDS = 30.0  # between two lines of a log file
Advance = Callable[[int], None]


@contextmanager
def progress(what: str, rows: int) -> Iterator[Advance]:
    """Yields what counts rows as done, and shows them on standard error; silent where `what` is empty."""
    if not what:
        yield lambda done: None
    elif sys.stderr.isatty():
        with live(what, rows) as advance:
            yield advance
    else:
        yield lines(what, rows)


@contextmanager
def live(what: str, rows: int) -> Iterator[Advance]:
    """A bar with the time left."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("left"))
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as bar:
        line = bar.add_task(what, total=rows)
        yield lambda done: bar.advance(line, done)


def lines(what: str, rows: int) -> Advance:
    """Now and then a line, so that a log shows that something happens; nothing where it is over sooner."""
    finished, started = 0, time.monotonic()
    last = started

    def advance(done: int) -> None:
        nonlocal finished, last
        finished, now = finished + done, time.monotonic()
        if now - last >= LINE_SECONDS and finished < rows:
            left = (now - started) / finished * (rows - finished)
            print(f"{what}: {finished:,} of {rows:,}, about {left:.0f} s left", file=sys.stderr, flush=True)
            last = now

    return advance
