"""How far a source is, by bytes of its file: a live line on a terminal, else a plain line twice a minute."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

LINE_SECONDS = 30.0  # between two lines of a log file
Tell = Callable[[int, int], None]  # bytes read, lines read


@contextmanager
def progress(what: str, size: int) -> Iterator[Tell]:
    """Yields what is told the bytes read of `size` and the lines found in them, and shows it on standard error."""
    if sys.stderr.isatty():
        with live(what, size) as tell:
            yield tell
    else:
        yield plain(what, size)


@contextmanager
def live(what: str, size: int) -> Iterator[Tell]:
    """A bar with the rate and the time left."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    more = (TextColumn("{task.fields[rate]}"), TextColumn("left"), TimeRemainingColumn())
    with Progress(*columns, *more, console=Console(stderr=True), transient=True) as bar:
        line = bar.add_task(what, total=size, rate="")
        started = time.monotonic()

        def tell(done: int, lines: int) -> None:
            seconds = max(time.monotonic() - started, 0.001)
            bar.update(line, completed=done, rate=f"{lines / seconds:,.0f} lines/s")

        yield tell


def plain(what: str, size: int) -> Tell:
    """Now and then a line, so that a log shows that something happens; nothing where it is over sooner."""
    started = last = time.monotonic()

    def tell(done: int, lines: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= LINE_SECONDS and 0 < done < size:
            seconds = now - started
            left = seconds / done * (size - done)
            share = f"{done / 1e6:,.0f} of {size / 1e6:,.0f} MB, {lines:,} lines, {lines / seconds:,.0f} lines/s"
            print(f"{what}: {share}, about {left:,.0f} s left", file=sys.stderr, flush=True)
            last = now

    return tell
