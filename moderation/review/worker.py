"""`python -m moderation.review.worker`: what would hold up the review page's server, in a process beside it.

Estimates first, then the words of the row that somebody looks at, then earlier estimates, then words of rows to come.
"""

import sqlite3
import sys
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path

from moderation.audit.design import SampleFolder
from moderation.errors import UsageError
from moderation.review.driving_words import DrivingWords
from moderation.review.leash import Message, Say, leashed
from moderation.review.live_estimates import BROKEN, LiveEstimates

REST = 0.3  # seconds between two looks at the store


def main(parent: int) -> None:
    """Works until the server ends."""
    request, say, told = leashed(parent)
    wanted: deque[Message] = deque(maxlen=200)
    awake = threading.Event()

    def listen() -> None:
        for message in told:
            wanted.append(message)
            awake.set()

    threading.Thread(target=listen, name="server", daemon=True).start()
    folder = SampleFolder(Path(request["folder"]))
    try:
        live = LiveEstimates(folder, say)
    except UsageError as error:
        say({"estimates_note": str(error), "words": ["off", str(error)]})
        return
    live.step()
    steps = [live.step, *steps_of_words(request, folder, live, wanted, say)]
    while True:
        if not any(step() for step in steps):
            awake.wait(REST)
            awake.clear()


def steps_of_words(
    request: Message, folder: SampleFolder, live: LiveEstimates, wanted: deque[Message], say: Say
) -> list[Callable[[], bool]]:
    """The steps after the estimates, those of words only where the run's model can be had."""
    if not request["words"]:
        return [live.earlier_step]
    try:
        words = DrivingWords(Path(request["output"]), request["run_id"], folder, say)
    except (UsageError, *BROKEN) as error:
        say({"words": ["off", str(error)]})
        return [live.earlier_step]
    off = False

    def step() -> bool:
        nonlocal off
        while wanted:
            row_id, date, label = wanted.popleft()["wanted"]
            words.want(row_id, date, label)
        try:
            return not off and words.step(live.entries)
        except (UsageError, sqlite3.Error) as error:  # a full disk, say
            off = True
            say({"words": ["off", str(error)]})
            return False

    return [lambda: bool(wanted or words.wanted) and step(), live.earlier_step, step]


if __name__ == "__main__":
    main(int(sys.argv[1]))
