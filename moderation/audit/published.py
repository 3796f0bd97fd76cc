"""Published runs as an audit finds them: the manifest, the run's own files wherever they are now, its thresholds."""

from pathlib import Path
from typing import Any

from moderation.errors import UsageError
from moderation.policy import Policy
from moderation.runs.history import Manifests, manifests_by_id, newest
from moderation.runs.locked import check_output
from moderation.runs.locked import find_run as find_name
from moderation.runs.publish_parquet import VERSIONS
from moderation.runs.recorded import RecordedPanel


def find_run(output: Path, run: str) -> dict[str, Any]:
    """The manifest of a published run, by its id, the beginning of one, or `latest` (the one that readers see now).

    Raises `UsageError` where there is no such run, and for one that did not publish or was rolled back.
    """
    output = check_output(output)
    manifests = manifests_by_id(output)
    if not any(manifest["status"] == "published" for manifest in manifests.values()):
        raise UsageError(f"output {output}: no published run to audit{states(manifests)}; 'moderation run' makes one")
    run_id = newest(manifests) if run == "latest" else find_name(output, manifests, run)
    assert run_id is not None
    if (status := manifests[run_id]["status"]) != "published":
        raise UsageError(
            f"run {run_id}: is {status.replace('_', ' ')}, and only published runs are audited; "
            f"'moderation runs list --output {output}' shows them"
        )
    return manifests[run_id]


def states(manifests: Manifests) -> str:
    """What became of the runs of an output that has no published one."""
    found = [f"{run_id} is {manifest['status'].replace('_', ' ')}" for run_id, manifest in manifests.items()]
    return f" ({', '.join(found[-3:])})" if found else ""


def labelled_files(output: Path, manifest: dict[str, Any]) -> list[Path]:
    """The labelled files that a run itself published, in the order of its manifest, in place or kept as replaced.

    A later run may have replaced them: as Parquet they are then below `.versions/`, as Delta where they were. Raises
    `UsageError` where one is gone (`runs clean`) or has another size than the manifest says.
    """
    output = output.resolve()
    entries = [entry for entry in manifest["published"] if entry["path"].startswith("labelled/")]
    found = {entry["path"]: find_file(output, entry["path"], entry["size"]) for entry in entries}
    if gone := [path for path, file in found.items() if file is None]:
        raise UsageError(
            f"run {manifest['run_id']}: {len(gone)} of its {len(found)} labelled files are gone or changed, "
            f"{gone[0]} first: replaced by a later run and removed by 'runs clean', or altered by hand"
        )
    return [file for file in found.values() if file]


def find_file(output: Path, path: str, size: int) -> Path | None:
    """A published file, in place or among the replaced ones; None where neither has the size that it had."""
    places = [output / path, *sorted((output / VERSIONS).glob(f"*/{path}"))]
    return next((place for place in places if place.is_file() and place.stat().st_size == size), None)


def thresholds_of(manifest: dict[str, Any]) -> dict[str, float]:
    """The probability from which the run gave each label, in the order of its models' labels."""
    given = {name: value for name, value in manifest["policy"].items() if name in Policy.model_fields}
    return Policy.model_validate(given).thresholds_for(RecordedPanel(manifest["model"]))
