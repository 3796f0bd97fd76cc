"""Whether a run would change nothing: what it would publish stands there already."""

from pathlib import Path

from moderation.runs.manifest import Manifest, read_manifests
from moderation.runs.publish import TREES, Scope, published_files
from moderation.runs.publish_journal import JOURNAL


def standing(output: Path, key: str, scope: Scope) -> Manifest | None:
    """The last run of this `run_key`, if all it published is in place and nothing else of the same inputs is."""
    if any((output / "runs").glob(f"*/{JOURNAL}")):  # a publication died: the next run finishes it first
        return None
    runs = [found for found in read_manifests(output) if (found["status"], found.get("run_key")) == ("published", key)]
    if not runs:
        return None
    claimed = {entry["path"]: entry["size"] for entry in runs[-1]["published"]}
    files = [file for tree in TREES for file in published_files(output, tree) if scope.covers(file)]
    in_place = {str(file.relative_to(output)): file.stat().st_size for file in files}
    return Manifest(**runs[-1]) if claimed == in_place else None
