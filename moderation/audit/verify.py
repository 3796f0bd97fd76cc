"""Whether what a run published, and what its manifest has digests of, is still what it was."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from moderation.audit.check import Check, Report, as_recorded, compared, differs, unchecked
from moderation.audit.published import find_run
from moderation.audit.verify_chain import check_chain, check_manifest
from moderation.audit.verify_sources import check_inputs, check_models, check_policy, check_scores
from moderation.errors import UsageError
from moderation.runs import publish_delta
from moderation.runs.history import Manifests, manifests_by_id, newest, state_after
from moderation.runs.locked import check_output
from moderation.runs.manifest import read_manifest
from moderation.runs.publish_parquet import TREES, VERSIONS
from moderation.runs.report import replaced_by


def verify(output: Path, run: str, expected: str | None = None) -> Report:
    """Checks a published run against its digests; `expected` is that of its manifest as somebody noted it elsewhere.

    Manifests that cannot be read are all that is reported, as without them nothing can be told of any run. Raises
    `UsageError` where there is no such run.
    """
    output = check_output(output)
    if broken := list(unreadable(output)):
        return Report(run, None, tuple(broken))
    manifest, manifests = find_run(output, run), manifests_by_id(output)
    checks = [
        *check_manifest(output, manifest, expected),
        *check_chain(manifests, manifest),
        *check_published(output, manifests, manifest),
        *check_state(output, manifests, manifest["run_id"]),
        *check_inputs(manifest),
        *check_models(manifest),
        *check_policy(manifest),
        *check_scores(output, manifest),
    ]
    return Report(manifest["run_id"], manifest.get("sha256"), tuple(checks))


def unreadable(output: Path) -> Iterator[Check]:
    """The manifests that are none any more."""
    for path in sorted((output / "runs").glob("*/manifest.json")):
        try:
            read_manifest(path)
        except UsageError as error:
            said = str(error).removeprefix(f"{path}: ").partition(";")[0]
            yield differs("manifest", str(path.relative_to(output)), said)


def check_published(output: Path, manifests: Manifests, manifest: dict[str, Any]) -> Iterator[Check]:
    """Each file that the run published, wherever it is: its bytes and their digest."""
    later = replaced_by(manifests, manifest["run_id"])
    for entry in manifest["published"]:
        found = places(output, entry["path"])
        if not found and entry["path"] in later:
            gone = f"replaced by run {later[entry['path']]} and removed since ('runs clean')"
            yield unchecked("published", entry["path"], gone)
        elif not found:
            yield differs("published", entry["path"], "missing")
        for place in found:
            yield compared("published", str(place.relative_to(output)), place, entry["size"], entry["sha256"])


def places(output: Path, path: str) -> list[Path]:
    """Where a published file is: in its place, and among what was replaced."""
    return [file for file in (output / path, *sorted((output / VERSIONS).glob(f"*/{path}"))) if file.is_file()]


def check_state(output: Path, manifests: Manifests, run_id: str) -> Iterator[Check]:
    """What readers see: all that the runs up to this one published, and nothing else.

    A Delta table is asked for its version right after the run; of the Parquet format only the present state is there.
    """
    try:
        state = set(state_after(manifests, run_id))
    except UsageError as error:
        yield unchecked("state", "labelled/", str(error))
        return
    for tree in TREES:
        if publish_delta.is_table(output / tree):
            version = manifests[run_id]["tables"].get(tree)
            yield from seen_in_table(output, tree, version, state)
        elif run_id == newest(manifests):
            yield from compared_state(tree, files_in(output, tree), of(tree, state), "the folder")


def seen_in_table(output: Path, tree: str, version: int | None, state: set[str]) -> Iterator[Check]:
    """The files of a Delta table's version; a run that came before the table has none."""
    from deltalake.exceptions import DeltaError

    if version is None:
        return
    try:
        found = {str(file.relative_to(output)) for file in publish_delta.files_of(output / tree, version)}
    except DeltaError as error:
        said = " ".join(str(error).split())[:120]
        yield differs("state", f"{tree}/_delta_log", f"version {version} cannot be read ({said})")
        return
    yield from compared_state(tree, found, of(tree, state), f"version {version} of the table")


def compared_state(tree: str, found: set[str], wanted: set[str], where: str) -> Iterator[Check]:
    """Files that readers see against those that they should."""
    yield from (differs("state", path, f"is in {where}, but no run published it") for path in sorted(found - wanted))
    yield from (differs("state", path, f"is not in {where}, but was published") for path in sorted(wanted - found))
    if found == wanted:
        yield as_recorded("state", f"{tree}/")


def files_in(output: Path, tree: str) -> set[str]:
    """The files below a tree that readers of Parquet folders may take for rows: all but hidden ones."""
    files = (path for path in (output / tree).rglob("*") if path.is_file())
    relative = (path.relative_to(output) for path in files)
    return {str(path) for path in relative if not any(part.startswith((".", "_")) for part in path.parts)}


def of(tree: str, state: set[str]) -> set[str]:
    """The paths of one tree."""
    return {path for path in state if path.startswith(f"{tree}/")}
