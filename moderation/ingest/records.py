"""What is known of the sources that were ingested, and how the files of one take their place in one plan.

`_ingest/<key>.json` says that a source is there, whole. What is to be moved and removed is written down first
(`<key>.journal.json`), so that an ingest that dies in the middle is finished by the next; a run does not read a folder
that has a journal.
"""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from moderation.errors import UsageError
from moderation.ingest.sources import Options, Source
from moderation.text.digest import file_digest, text_digest

FOLDER, JOURNAL = "_ingest", ".journal.json"
SCHEMA_VERSION = 1  # of the columns and of what is made of a line: another one is another ingest


@dataclass
class Record:
    """What an ingest made of a source; lines = rows + quarantined + blank. Sizes in bytes."""

    uri: str
    key: str
    sha256: str
    options: str
    stat: list[int]
    format: str
    kind: str
    lines: int = 0
    rows: int = 0
    quarantined: int = 0
    blank: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    odd_values: dict[str, int] = field(default_factory=dict)
    privacy: dict[str, Any] = field(default_factory=dict)
    masked: dict[str, int] = field(default_factory=dict)
    dates: int = 0
    first_date: str | None = None
    last_date: str | None = None
    truncated: str | None = None
    seconds: float = 0.0
    version: str = ""
    finished: str = ""
    files: list[dict[str, Any]] = field(default_factory=list)


def stat_of(path: Path) -> list[int]:
    """By which an unchanged file is known without reading it."""
    found = path.stat()
    return [found.st_size, found.st_mtime_ns, found.st_ino]


def options_digest(source: Source, options: Options) -> str:
    """A digest of what decides the rows of a source, besides its content."""
    parts: list[Any] = [SCHEMA_VERSION, source.format, source.kind, sorted(options.mapping.items())]
    parts += [options.privacy.describe()] if options.privacy else []
    return text_digest(json.dumps(parts))


def new_record(source: Source, options: Options, known: dict[str, Record]) -> Record:
    """The record of a source before it is read; its digest is taken from an earlier one where the file is the same."""
    stat, before = stat_of(source.path), known.get(source.key)
    sha256 = before.sha256 if before and before.stat == stat else file_digest(source.path)
    return Record(source.uri, source.key, sha256, options_digest(source, options), stat, source.format, source.kind)


def read_records(output: Path) -> dict[str, Record]:
    """The records of an output folder by key."""
    paths = [path for path in sorted((output / FOLDER).glob("*.json")) if not path.name.endswith(JOURNAL)]
    return {record.key: record for record in map(read_record, paths)}


def read_record(path: Path) -> Record:
    """A record from its file; raises `UsageError` where that holds something else."""
    try:
        return Record(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise UsageError(f"{path}: no record of this version's ingest; ingest into another folder") from error


def same_content(output: Path, record: Record, known: dict[str, Record]) -> Record | None:
    """The record of an earlier ingest of the same content in the same way, of this source or of a copy of it, whose
    files are all there."""
    whole = [one for one in known.values() if (one.sha256, one.options) == (record.sha256, record.options)]
    whole = [one for one in whole if not one.truncated and all((output / f["path"]).is_file() for f in one.files)]
    return next((one for one in whole if one.key == record.key), next(iter(whole), None))


def commit(output: Path, staging: Path, record: Record, files: list[Path], before: Record | None) -> None:
    """Puts the staged files of a source in the place of what it had."""
    moves = [(str(file.relative_to(output)), str(file.relative_to(staging))) for file in files]
    old = [entry["path"] for entry in before.files] if before else []
    removals = sorted(set(old) - {target for _, target in moves})
    journal = {"moves": moves, "removals": removals, "record": asdict(record)}
    write_json(output / FOLDER / f"{record.key}{JOURNAL}", journal)
    carry_out(output, journal)


def carry_out(output: Path, journal: dict[str, Any]) -> None:
    """Does what a journal says, as far as it has not been done, and removes it."""
    for source, target in journal["moves"]:
        if (output / source).exists():
            (output / target).parent.mkdir(parents=True, exist_ok=True)
            (output / source).replace(output / target)
    for path in journal["removals"]:
        (output / path).unlink(missing_ok=True)
        if (output / path).parent.is_dir() and not any((output / path).parent.iterdir()):
            (output / path).parent.rmdir()
    key = journal["record"]["key"]
    write_json(output / FOLDER / f"{key}.json", journal["record"])
    (output / FOLDER / f"{key}{JOURNAL}").unlink()


def recover(output: Path) -> int:
    """Finishes what ingests that died had begun to put in place; how many. Call it with the output's lock held."""
    paths = sorted((output / FOLDER).glob(f"*{JOURNAL}"))
    for path in paths:
        carry_out(output, json.loads(path.read_text(encoding="utf-8")))
    return len(paths)


def write_json(path: Path, content: object) -> None:
    """Writes a file durably, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.new")
    with scratch.open("w", encoding="utf-8") as file:
        json.dump(content, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    scratch.replace(path)
