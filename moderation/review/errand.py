"""`python -m moderation.review.errand`: one job of the review page, in a process that ends with its server."""

import json
import logging
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from moderation.errors import UsageError
from moderation.review.leash import Say, leashed


def replay(output: Path, say: Callable[[str], None], run: str, row_id: str, date: str | None = None) -> dict[str, Any]:
    """A published decision made again; texts are left out, as whoever wants to see them has the row's page."""
    from moderation.audit.replay import Wish
    from moderation.audit.replay import replay as replayed

    say("starting Spark")
    found = replayed(output, run, Wish(row_id, date))
    return found.as_dict() | {"lines": found.lines()}


def report(output: Path, say: Callable[[str], None], run: str, sample: str | None = None) -> dict[str, Any]:
    """The report of a run, as `moderation audit report` writes it."""
    from moderation.audit.report import Wanted, write_report

    say("reading the published files")
    return {"path": str(write_report(output, run, Wanted(sample)).resolve())}


def sample(
    output: Path, say: Callable[[str], None], run: str, size: int, labels: tuple[str, ...] = ()
) -> dict[str, Any]:
    """A sample for review, as `moderation audit sample` draws it."""
    from moderation.audit.sample import Request
    from moderation.audit.sample import sample as drawn

    say("starting Spark")
    folder, _ = drawn(output, run, Request(size=size, labels=tuple(labels)))
    return {"sample_id": folder.path.name, "folder": str(folder.path)}


def index(output: Path, say: Callable[[str], None], run: str) -> dict[str, Any]:
    """The index of a run's rows that browsing reads."""
    from moderation.review.browse_index import make_index

    return make_index(output, run, say)


ERRANDS: Mapping[str, Callable[..., dict[str, Any]]] = {
    "replay": replay,
    "report": report,
    "sample": sample,
    "index": index,
}


class Lines(logging.Handler):
    """What our own code logs, as lines of progress."""

    def __init__(self, say: Say) -> None:
        super().__init__(logging.INFO)
        self.say = say

    def emit(self, record: logging.LogRecord) -> None:
        """Says it."""
        self.say({"line": record.getMessage()})


def main(parent: int) -> None:
    """Does what the first line asks for and says what came of it."""
    request, say, told = leashed(parent)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # half a sample is then removed
    threading.Thread(target=lambda: [None for _ in told], name="parent", daemon=True).start()
    log = logging.getLogger("moderation")
    log.handlers, log.propagate = [Lines(say)], False
    log.setLevel(logging.INFO)
    try:
        errand = ERRANDS[request["kind"]]
        found = errand(Path(request["output"]), lambda line: say({"line": line}), **request["arguments"])
        say({"result": json.loads(json.dumps(found, default=str))})
    except UsageError as error:
        say({"failed": str(error)})


if __name__ == "__main__":
    main(int(sys.argv[1]))
