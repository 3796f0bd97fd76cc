"""How far training is: a live line on a terminal, plain lines in a log file."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

Report = Callable[[str], None]
LINE_SECONDS = 30.0  # between two lines of a log file


@dataclass
class Progress:
    """Says lines, and now and then how far the steps are."""

    say: Report
    last: float = field(default_factory=time.monotonic)
    part: str = ""  # which of several trainings the steps are of

    def at(self, what: str, step: int, total: int, loss: float, left: float) -> None:
        """After a step of `total`; `left` is in seconds."""
        if time.monotonic() - self.last >= LINE_SECONDS:
            self.last = time.monotonic()
            self.say(f"{self.part}{what} step {step:,}/{total:,} loss {loss:.4f} left {duration(left)}")

    def rest(self) -> None:
        """No steps for a while: whatever comes next may show itself."""


@dataclass
class LiveProgress(Progress):
    """The same on a terminal, in one line that changes."""

    bar: "RichProgress | None" = None
    task: "TaskID | None" = None

    def at(self, what: str, step: int, total: int, loss: float, left: float) -> None:
        """Moves the bar."""
        if self.bar is not None and self.task is not None:
            self.bar.start()  # does nothing where it runs
            text = f"loss {loss:.4f}  left {duration(left)}"
            self.bar.update(
                self.task, description=self.part + what, completed=step, total=total, figures=text, visible=True
            )

    def rest(self) -> None:
        """Takes the bar away: rich has room for one only."""
        if self.bar is not None and self.task is not None:
            self.bar.update(self.task, visible=False)
            self.bar.stop()


@contextmanager
def shown() -> Iterator[Progress]:
    """Progress on standard error."""
    if not sys.stderr.isatty():
        yield Progress(lambda line: print(line, file=sys.stderr, flush=True))
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as RichProgress

    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    figures = TextColumn("{task.fields[figures]}")
    bar = RichProgress(*columns, figures, TimeElapsedColumn(), console=console, transient=True)
    task = bar.add_task("", total=None, figures="", visible=False)
    found = LiveProgress(lambda line: console.print(line, markup=False, highlight=False), bar=bar, task=task)
    try:
        yield found
    finally:
        found.rest()


def duration(seconds: float) -> str:
    """Seconds as a person reads them."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
