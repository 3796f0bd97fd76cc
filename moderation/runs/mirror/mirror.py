"""A copy of what an output publishes: what the copy lacks is uploaded where no reader looks, then it becomes current.

The difference is by name: a published file's name holds its input and its run, and is never written twice. Readers of
the copy see one published state after the other, and none of what is half uploaded.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from moderation.config import PublishSettings
from moderation.errors import UsageError
from moderation.runs.history import head, line, manifests_by_id
from moderation.runs.locked import check_output, locked
from moderation.runs.mirror.copied import Copy, Files, Mirrored, Told
from moderation.runs.mirror.place import check_address, check_place, clear_errors, format_of, open_copy
from moderation.runs.publish import found_format, published_files
from moderation.runs.publish_parquet import TREES
from moderation.runs.run import take_lock

LOCK = ".mirror.lock"  # beside the output's own, which is not held while files are uploaded
ATTEMPTS = 3
log = logging.getLogger(__name__)


def mirror(output: Path, to: str, kind: str | None = None, told: Told = lambda path, size: None) -> list[Mirrored]:
    """Makes `to/labelled` and `to/quarantine` hold what the output publishes now; a second time is nothing.

    `kind` is `delta` or `parquet`, the latter on HDFS only; not given, it is the output's own there, and `delta` on
    object stores. The output's lock is held while its files are listed and while the copy becomes current, not while
    they are uploaded; where a run published meanwhile, what that changed is uploaded too. Raises `UsageError` for a
    place that is none, cannot be reached or holds something else, and where nothing is published.
    """
    check_address(to)
    kind = kind or format_of(to, found_format(check_output(output)))
    check_place(to, kind)
    with take_lock(output, LOCK, "another copy of it is under way"), clear_errors(to):
        copy = open_copy(to, kind)
        for _ in range(ATTEMPTS):
            if (found := attempt(output, copy, told)) is not None:
                return found
    raise UsageError(f"output {output}: was published anew {ATTEMPTS} times while it was copied; try again")


def attempt(output: Path, copy: Copy, told: Told) -> list[Mirrored] | None:
    """Copies the state that is published now; None where another one was published meanwhile."""
    with locked(output):
        origin, files = state(output)
        copy.plan(origin, files)
    try:
        copy.upload(told)
    except FileNotFoundError:
        return None  # replaced and cleaned meanwhile
    with locked(output):
        return copy.commit(head(output)) if state(output)[1] == files else None


def state(output: Path) -> tuple[str, Files]:
    """The run that published first, which tells outputs apart, and the files of each table by their path in it."""
    manifests = manifests_by_id(output)
    if not (runs := line(manifests, head(output))):
        raise UsageError(f"output {output}: nothing is published there")
    return runs[0], {tree: {"/".join(x.parts[-2:]): x for x in published_files(output, tree)} for tree in TREES}


@contextmanager
def mirrored(output: Path, settings: PublishSettings) -> Iterator[None]:
    """Has the copy that the settings name, if any, follow what is published within; raises `UsageError` as `mirror`
    does, for what is no place at all before anything is done.
    """
    if settings.mirror:
        check_place(settings.mirror, format_of(settings.mirror, settings.format))
    yield
    if settings.mirror:
        try:
            found = mirror(output, settings.mirror)
        except UsageError as error:
            again = f"moderation runs mirror --output {output} --to {settings.mirror}"
            raise UsageError(f"published, but not copied: {error}; again with: {again}") from error
        log.info(
            "copied to %s: %d files added, %d removed, %d bytes",
            settings.mirror,
            *(sum(getattr(one, name) for one in found) for name in ("added", "removed", "bytes")),
        )
