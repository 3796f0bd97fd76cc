"""Going back to what was published right after a run, as one publication more."""

import datetime
import secrets
from collections import defaultdict
from pathlib import Path
from typing import Any

from moderation.errors import UsageError
from moderation.runs import publish_delta, publish_parquet
from moderation.runs.history import Manifests, line, manifests_by_id, newest, state_after
from moderation.runs.locked import find_run, locked
from moderation.runs.publish_finish import carry_out
from moderation.runs.publish_journal import Journal, write_journal
from moderation.runs.publish_parquet import TREES, VERSIONS
from moderation.runs.publish_swap import names_in


def rollback(output: Path, to: str) -> dict[str, str]:
    """Makes the state after run `to` the published one; returns the runs whose status that changed, and to what.

    Raises `UsageError` for a run that published nothing, or whose files were cleaned.
    """
    with locked(output):
        manifests = manifests_by_id(output)
        target = find_run(output, manifests, to)
        if manifests[target]["status"] not in ("published", "rolled_back"):
            raise UsageError(f"run {target}: is {manifests[target]['status']}, it published nothing to go back to")
        now, then = line(manifests, newest(manifests)), line(manifests, target)
        statuses = dict.fromkeys(set(now) - set(then), "rolled_back") | dict.fromkeys(set(then) - set(now), "published")
        if now == then:
            return {}
        operation = f"{datetime.datetime.now(datetime.UTC):%Y%m%dT%H%M%SZ}-rollback-{secrets.token_hex(3)}"
        folder = output / "runs" / target
        try:
            write_journal(folder, prepared(output, operation, statuses, manifests, target))
        except BaseException:
            publish_parquet.discard(output, operation)
            raise
        carry_out(output, folder)
        return dict(sorted(statuses.items()))


def prepared(output: Path, operation: str, statuses: dict[str, str], manifests: Manifests, target: str) -> Journal:
    """Prepares the rollback in the output's format."""
    if any(publish_delta.is_table(output / tree) for tree in TREES):
        return Journal(operation, statuses, tables=restores(output, manifests, target))
    states = wanted_folders(output, state_after(manifests, newest(manifests)), state_after(manifests, target), target)
    return Journal(operation, statuses, folders=publish_parquet.prepare(output, operation, states))


def wanted_folders(
    output: Path, present: dict[str, int], wanted: dict[str, int], target: str
) -> dict[str, dict[str, Path]]:
    """The folders that differ: the files that each shall hold, and where these are. Files of nobody's stay."""
    states: dict[str, dict[str, Path]] = defaultdict(dict)
    changed = {str(Path(path).parent) for path in set(present) ^ set(wanted)}
    for folder in changed:
        live = output / folder
        states[folder] = {name: live / name for name in names_in(live) if f"{folder}/{name}" not in present}
    kept = {str(x.relative_to(x.parents[2])): x for x in (output / VERSIONS).glob("*/*/date=*/*.parquet")}
    missing = 0
    for path, size in wanted.items():
        if (folder := str(Path(path).parent)) in changed:
            places = [place for place in (output / path, kept.get(path)) if place and place.is_file()]
            found = [place for place in places if place.stat().st_size == size]
            states[folder] |= {Path(path).name: found[0]} if found else {}
            missing += not found
    refuse_missing(missing, target)
    return states


def restores(output: Path, manifests: Manifests, target: str) -> dict[str, dict[str, Any]]:
    """The version that each Delta table goes back to; None where there was no such table yet."""
    from deltalake.exceptions import DeltaError

    plans = {}
    for tree in TREES:
        if not publish_delta.is_table(output / tree):
            continue
        version = manifests[target]["tables"].get(tree)
        if version is not None:
            try:
                files = list(publish_delta.files_of(output / tree, version))
            except DeltaError as error:
                raise UsageError(f"run {target}: version {version} of {tree} is no longer in its log") from error
            refuse_missing(sum(not file.is_file() for file in files), target)
        plans[tree] = {"restore": version}
    return plans


def refuse_missing(files: int, target: str) -> None:
    """Refuses to go back where files are gone."""
    if files:
        raise UsageError(
            f"run {target}: {files} of its files were removed ('runs clean'), so there is no way back to it"
        )
