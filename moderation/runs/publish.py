"""Publishing: staged files take the place of what the same inputs published before, and of nothing else.

File names carry the input's key: `labelled/date=2026-01-05/<input key>-<run id>-00000.parquet`. A publication is
prepared where no reader sees it, then written down (`publish.json`), then carried out; a run that dies before it is
written down has published nothing, and one that dies later is finished by the next.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moderation.errors import UsageError
from moderation.runs import publish_delta, publish_parquet
from moderation.runs.history import head
from moderation.runs.inputs import input_key
from moderation.runs.manifest import Manifest, read_manifest, read_manifests
from moderation.runs.publish_finish import carry_out, discard
from moderation.runs.publish_finish import recover as recover
from moderation.runs.publish_journal import Journal, write_journal
from moderation.runs.publish_parquet import TREES
from moderation.runs.publish_schema import nullable
from moderation.text.digest import file_digest


@dataclass(frozen=True)
class Scope:
    """Whose published files a run replaces: those of `keys`, on `dates` only where that is not None."""

    keys: frozenset[str]
    dates: frozenset[str] | None

    def covers(self, file: Path) -> bool:
        """Whether a published file is one that the run replaces."""
        day = file.parent.name.removeprefix("date=")
        return file.name.split("-")[0] in self.keys and (self.dates is None or day in self.dates)


def replaced_keys(output: Path, uris: Iterable[str], roots: Iterable[str]) -> frozenset[str]:
    """The keys of the run's inputs, and of files that were published from below its folders and are there no more."""
    uris = set(uris)
    gone = {
        entry["uri"]
        for manifest in read_manifests(output)
        if manifest["status"] == "published"
        for entry in manifest["inputs"]
        if any(entry["uri"].startswith(f"{root}/") for root in roots)
    }
    return frozenset(map(input_key, uris | gone))


def found_format(output: Path) -> str | None:
    """The format that an output holds; None where nothing is published there."""
    if any(publish_delta.is_table(output / tree) for tree in TREES):
        return "delta"
    return "parquet" if any(any(publish_parquet.published(output, tree)) for tree in TREES) else None


def check_format(output: Path, wanted: str) -> None:
    """Raises `UsageError` where an output holds the other format."""
    if (found := found_format(output)) not in (None, wanted):
        raise UsageError(
            f"output {output}: is published as {found}, not {wanted}; give --format {found} or another --output"
        )
    if wanted == "delta":
        publish_delta.check_path(output)


def check_columns(output: Path, kind: str, columns: dict[str, Any]) -> None:
    """Raises `UsageError` where the format cannot take labelled rows of these columns (as `schema.jsonValue()`)."""
    if kind == "delta":
        publish_delta.add_columns(output / "labelled", [nullable(columns)])


def published_files(output: Path, tree: str) -> Iterator[Path]:
    """The current files of `labelled` or `quarantine`, whatever the format."""
    return (publish_delta if found_format(output) == "delta" else publish_parquet).published(output, tree)


def kept_files(output: Path, scope: Scope, dates: set[str]) -> list[Path]:
    """Labelled files of these dates that the run will leave in place."""
    days = {f"date={day}" for day in dates}
    return [file for file in published_files(output, "labelled") if file.parent.name in days and not scope.covers(file)]


def staged_files(staging: Path, tree: str) -> Iterator[tuple[Path, str]]:
    """Staged files and where they belong: Spark wrote `date=…/input_key=…/part-….parquet`."""
    counts: dict[str, int] = {}
    for file in sorted((staging / tree).glob("date=*/input_key=*/*.parquet")):
        key, day = file.parent.name.removeprefix("input_key="), file.parent.parent.name
        stem = f"{tree}/{day}/{key}-{staging.name}"
        counts[stem] = counts.get(stem, -1) + 1
        yield file, f"{stem}-{counts[stem]:05d}.parquet"


def staged_dates(staging: Path) -> set[str]:
    """The dates that a run has rows for."""
    return {folder.name.removeprefix("date=") for folder in (staging / "labelled").glob("date=*")}


def publish(output: Path, staging: Path, folder: Path, scope: Scope, manifest: Manifest) -> None:
    """Puts staged files in place of those that they replace; fills in the manifest and writes it."""
    kind = manifest.config.get("publish", {}).get("format", "parquet")
    check_format(output, kind)
    moves = [(file, target) for tree in TREES for file, target in staged_files(staging, tree)]
    old = [file for tree in TREES for file in published_files(output, tree) if scope.covers(file)]
    manifest.published = [entry(file, target) for file, target in moves]
    manifest.replaced = [str(file.relative_to(output)) for file in old]
    follow(output, manifest)
    manifest.write(folder)
    try:
        write_journal(folder, prepared(output, kind, moves, old, manifest))
    except BaseException:
        discard(output, manifest.run_id, kind)
        raise
    carry_out(output, folder)
    done = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    manifest.status, manifest.tables = done["status"], done["tables"]


def follow(output: Path, manifest: Manifest) -> None:
    """Has the manifest say which run's published state it changes, with the digest of that run's manifest."""
    manifest.parent, manifest.status = head(output), "publishing"
    if manifest.parent:
        manifest.parent_sha256 = read_manifest(output / "runs" / manifest.parent / "manifest.json").get("sha256")


def prepared(output: Path, kind: str, moves: list[tuple[Path, str]], old: list[Path], manifest: Manifest) -> Journal:
    """Prepares a publication in one of the formats; what it returns is all that is left to do."""
    run_id, statuses = manifest.run_id, {manifest.run_id: "published"}
    if kind == "delta":
        rows = {one["path"]: one["rows"] for one in manifest.published}
        return Journal(run_id, statuses, tables=publish_delta.prepare(output, run_id, moves, old, rows))
    states = publish_parquet.next_states(output, moves, old)
    return Journal(run_id, statuses, folders=publish_parquet.prepare(output, run_id, states))


def entry(file: Path, target: str) -> dict[str, Any]:
    """What the manifest says of a published file."""
    from pyarrow import parquet

    rows = parquet.read_metadata(file).num_rows
    return {"path": target, "rows": rows, "size": file.stat().st_size, "sha256": file_digest(file)}
