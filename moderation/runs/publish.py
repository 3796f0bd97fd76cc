"""Publishing: staged files take the place of what the same inputs published before, and of nothing else.

File names carry the input's key: `labelled/date=2026-01-05/<input key>-<run id>-00000.parquet`. What is to be moved and
removed is written down first (`publish.json`), so that a run that dies in the middle is finished by the next.
"""

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from moderation.runs.inputs import input_key
from moderation.runs.manifest import Manifest, read_manifests
from moderation.text.digest import file_digest

TREES = ("labelled", "quarantine")
JOURNAL = "publish.json"


@dataclass(frozen=True)
class Scope:
    """Whose published files a run replaces: those of `keys`, on `dates` only where that is not None."""

    keys: frozenset[str]
    dates: frozenset[str] | None

    def covers(self, file: Path) -> bool:
        """Whether a published file is one that the run replaces."""
        day = file.parent.name.removeprefix("date=")
        return file.name.split("-")[0] in self.keys and (self.dates is None or day in self.dates)


@dataclass(frozen=True)
class Journal:
    """Moves (from, to) and removals of one publication, as paths relative to the output folder."""

    moves: list[tuple[str, str]]
    removals: list[str]


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


def published_files(output: Path, tree: str) -> Iterator[Path]:
    """The published files of `labelled` or `quarantine`."""
    yield from sorted((output / tree).glob("date=*/*.parquet"))


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


def publish(output: Path, staging: Path, folder: Path, scope: Scope, manifest: Manifest) -> None:
    """Moves staged files into place and removes those that they replace; fills in the manifest and writes it."""
    moves = [(file, target) for tree in TREES for file, target in staged_files(staging, tree)]
    old = [file for tree in TREES for file in published_files(output, tree) if scope.covers(file)]
    manifest.published = [entry(file, target) for file, target in moves]
    manifest.replaced = [str(file.relative_to(output)) for file in old]
    journal = Journal([(str(file.relative_to(output)), target) for file, target in moves], manifest.replaced)
    manifest.status = "publishing"
    manifest.write(folder)
    write_journal(folder, journal)
    carry_out(output, folder, journal)
    manifest.status = "published"


def entry(file: Path, target: str) -> dict[str, Any]:
    """What the manifest says of a published file."""
    from pyarrow import parquet

    rows = parquet.read_metadata(file).num_rows
    return {"path": target, "rows": rows, "size": file.stat().st_size, "sha256": file_digest(file)}


def write_journal(folder: Path, journal: Journal) -> None:
    """Writes the journal durably: from here on the publication will be finished, by this run or the next."""
    scratch = folder / f".{JOURNAL}.new"
    with scratch.open("w", encoding="utf-8") as file:
        json.dump(asdict(journal), file)
        file.flush()
        os.fsync(file.fileno())
    scratch.replace(folder / JOURNAL)


def carry_out(output: Path, folder: Path, journal: Journal) -> None:
    """Does what the journal says, as far as it has not been done, and removes the journal."""
    for source, target in journal.moves:
        if (output / source).exists():
            (output / target).parent.mkdir(parents=True, exist_ok=True)
            (output / source).replace(output / target)
    for path in journal.removals:
        (output / path).unlink(missing_ok=True)
        if not any((output / path).parent.iterdir()):
            (output / path).parent.rmdir()
    (folder / JOURNAL).unlink()


def recover(output: Path) -> None:
    """Finishes the publications of runs that died in the middle of one. Call it with the output's lock held."""
    for path in sorted((output / "runs").glob(f"*/{JOURNAL}")):
        content = json.loads(path.read_text(encoding="utf-8"))
        carry_out(output, path.parent, Journal([(a, b) for a, b in content["moves"]], content["removals"]))
        manifest = Manifest(**json.loads((path.parent / "manifest.json").read_text(encoding="utf-8")))
        manifest.status = "published"
        manifest.write(path.parent)


def staged_dates(staging: Path) -> set[str]:
    """The dates that a run has rows for."""
    return {folder.name.removeprefix("date=") for folder in (staging / "labelled").glob("date=*")}
