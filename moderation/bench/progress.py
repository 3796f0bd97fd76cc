"""A live line of what is measured and how long all of it will take. Quiet when nobody is looking."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self


class Progress:
    """The seconds that are planned and those that are done; plans are guesses from what was measured before."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bar

        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        left = TextColumn("{task.fields[left]}")
        self.bar = Bar(*columns, left, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())
        self.line = self.bar.add_task("", total=None, left="")
        self.planned = self.done = 0.0

    def __enter__(self) -> Self:
        self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.stop()

    def plan(self, seconds: float) -> None:
        """Adds work to come."""
        self.planned += seconds
        self.show()

    @contextmanager
    def step(self, what: str, seconds: float = 0.0) -> Iterator[None]:
        """Names what is done inside, and counts its planned seconds as done behind it."""
        self.bar.update(self.line, description=what)
        yield
        self.done += seconds
        self.show()

    def show(self) -> None:
        """Draws the bar and the time left."""
        left = max(0.0, self.planned - self.done)
        text = f"about {left / 60:.0f} min left" if left >= 60 else f"about {left:.0f} s left"
        total = max(self.planned, self.done + 1)  # a bar that is full stops its clock
        self.bar.update(self.line, total=total, completed=self.done, left=text if left >= 1 else "")
