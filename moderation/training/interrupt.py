"""Ctrl-C: the step under way is finished, its result kept."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType


@dataclass
class Interrupt:
    """Whether somebody asked to stop."""

    asked: bool = False


@contextmanager
def noticed() -> Iterator[Interrupt]:
    """Notes a first Ctrl-C instead of raising, until the block is over; a second one is `KeyboardInterrupt` as ever."""
    found = Interrupt()
    if threading.current_thread() is not threading.main_thread():  # only there may handlers be set
        yield found
        return
    before = signal.getsignal(signal.SIGINT)

    def note(number: int, frame: FrameType | None) -> None:
        found.asked = True
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, note)
    try:
        yield found
    finally:
        signal.signal(signal.SIGINT, before)
    if found.asked:  # after the last look at it
        raise KeyboardInterrupt
