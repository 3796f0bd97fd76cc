"""What is measured and how long all of it will take: a live line on a terminal, else a plain line for each step."""

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

        self.live = sys.stderr.isatty()
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        left = TextColumn("{task.fields[left]}")
        self.bar = Bar(*columns, left, console=Console(stderr=True), transient=True, disable=not self.live)
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
        if not self.live:
            print(f"{what} ... {self.left()}".rstrip(), file=sys.stderr, flush=True)
        yield
        self.done += seconds
        self.show()

    def show(self) -> None:
        """Draws the bar and the time left."""
        total = max(self.planned, self.done + 1)  # a bar that is full stops its clock
        self.bar.update(self.line, total=total, completed=self.done, left=self.left())

    def left(self) -> str:
        """The time that is left by the plan, in words."""
        seconds = max(0.0, self.planned - self.done)
        if seconds < 1:
            return ""
        return f"about {seconds / 60:.0f} min left" if seconds >= 60 else f"about {seconds:.0f} s left"
