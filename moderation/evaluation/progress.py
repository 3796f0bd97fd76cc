"""A live line while texts are scored. Quiet when nobody is looking."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Advance = Callable[[int], None]


def silent(rows: int) -> None:
    """No progress."""


@contextmanager
def progress(what: str, rows: int) -> Iterator[Advance]:
    """Shows rows done and the time left on standard error where that is a terminal; yields what counts rows as done."""
    if not sys.stderr.isatty():
        yield silent
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(
        *columns, TextColumn("left"), TimeRemainingColumn(), console=Console(stderr=True), transient=True
    ) as bar:
        line = bar.add_task(what, total=rows)
        yield lambda done: bar.advance(line, done)
