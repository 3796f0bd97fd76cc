"""The journal of a publication or rollback: once it is on the disk, it will be carried out, by this run or the next."""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from moderation.runs.publish_swap import sync_folder

JOURNAL = "publish.json"


@dataclass(frozen=True)
class Journal:
    """What is to be done.

    `operation` names the folder below `.versions/` and the Delta transaction; `folders` are those of the Parquet
    format with the names of the files they will hold; `tables` is what is committed to each Delta table; `statuses`
    are those that runs have afterwards.
    """

    operation: str
    statuses: dict[str, str]
    folders: dict[str, list[str]] = field(default_factory=dict)
    tables: dict[str, dict[str, Any]] = field(default_factory=dict)


def write_journal(folder: Path, journal: Journal) -> None:
    """Writes the journal of a run's folder."""
    write_json(folder / JOURNAL, asdict(journal))


def write_json(target: Path, content: dict[str, Any]) -> None:
    """Writes a file whole or not at all, and has it on the disk before it returns."""
    scratch = target.with_name(f".{target.name}.new")
    with scratch.open("w", encoding="utf-8") as file:
        json.dump(content, file, indent=2, default=str)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    scratch.replace(target)
    sync_folder(target.parent)


def read_journal(folder: Path) -> Journal:
    """The journal of a run's folder."""
    return Journal(**json.loads((folder / JOURNAL).read_text(encoding="utf-8")))


def journals(output: Path) -> list[Path]:
    """The folders of runs whose journals were not finished."""
    return [path.parent for path in sorted((output / "runs").glob(f"*/{JOURNAL}"))]
