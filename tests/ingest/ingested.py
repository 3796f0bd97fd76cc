"""Ingest as tests use it, and what it left."""

import json
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

from moderation.errors import UsageError
from moderation.ingest.ingest import ingest
from moderation.ingest.records import FOLDER, Record
from moderation.ingest.sources import Options
from tests.ingest.made_up import comment, line, write


def take(*paths: Path, output: Path, **options: Any) -> list[tuple[str, Record]]:
    """Ingests; what was done with each source, and its record."""
    told: list[tuple[str, Record]] = []
    ingest(list(paths), output, Options(**options), lambda source, record, what: told.append((what, record)))
    return told


def take_lines(folder: Path, *lines: bytes | dict[str, Any], name: str = "RC_x.ndjson", **options: Any) -> Record:
    """Ingests one file of lines into `folder/out`; its record."""
    content = b"".join(line(one) if isinstance(one, dict) else one + b"\n" for one in lines)
    (found,) = take(write(folder / name, content), output=folder / "out", **options)
    return found[1]


def refusal(*paths: Path, output: Path, **options: Any) -> str:
    """The message with which an ingest fails; it must leave nothing half done."""
    with pytest.raises(UsageError) as found:
        take(*paths, output=output, **options)
    assert not (output / ".staging").exists()
    return str(found.value)


def rows(output: Path) -> list[dict[str, Any]]:
    """All rows with their date, in the order of the files' names."""
    files = sorted(output.glob("date=*/*.parquet"))
    return [
        row | {"date": file.parent.name.removeprefix("date=")}
        for file in files
        for row in parquet.ParquetFile(file).read().to_pylist()
    ]


def one_row(folder: Path, **changes: Any) -> dict[str, Any]:
    """The row that a comment with these fields becomes; None leaves nothing out, it is null."""
    take_lines(folder, comment(1) | changes)
    (row,) = rows(folder / "out")
    return row


def quarantine(output: Path) -> list[dict[str, Any]]:
    """All quarantined lines."""
    return [row for file in sorted(output.glob("_quarantine/*")) for row in parquet.read_table(file).to_pylist()]


def reasons(output: Path) -> list[tuple[int, str]]:
    """Line number and reason of all quarantined lines."""
    return [(row["line"], row["reason"]) for row in quarantine(output)]


def state(output: Path) -> dict[str, tuple[int, int]]:
    """Every file with its size and time of change."""
    files = (path for path in output.rglob("*") if path.is_file() and path.name != ".lock")
    return {str(path.relative_to(output)): (path.stat().st_size, path.stat().st_mtime_ns) for path in files}


def records(output: Path) -> list[dict[str, Any]]:
    """The records on disk."""
    return [json.loads(path.read_text()) for path in sorted((output / FOLDER).glob("*.json"))]
