"""Verdicts as Parquet and CSV: every entry out, and files of others back in, whole or not at all."""

import csv
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from moderation.audit.design import Design, SampleFolder
from moderation.audit.verdict import COLUMNS, Verdict, short
from moderation.audit.verdicts import verdicts
from moderation.errors import UsageError

ORIGIN = ("sample_id", "run_id")  # which sample and run a file's verdicts are of
ALIASES = {"id": "row_id", "row": "row_id"}
NEEDED = ("row_id", "label", "verdict")
CELL = 1_000_000  # letters of a CSV cell; more is a file without its quotes


def check_suffix(file: Path, ending: tuple[str, ...] = (".parquet", ".csv", ".json")) -> str:
    """The ending of a file's name, which says its format; raises `UsageError` for another."""
    if file.suffix not in ending:
        raise UsageError(f"{file}: the name must end in {', '.join(ending[:-1])} or {ending[-1]}")
    return file.suffix


def importer(file: Path) -> Callable[[SampleFolder, Path, str | None], Iterator[Verdict]]:
    """What reads the verdicts of a file, by its name."""
    from moderation.audit.label_studio import read_annotations

    return read_annotations if check_suffix(file) == ".json" else read_table


def write_table(folder: SampleFolder, target: Path) -> int:
    """Writes every entry to a .parquet or .csv file, with the sample and the run that they are of; returns how many."""
    design = folder.read_design()
    origin = {"sample_id": design.sample_id, "run_id": design.run_id}
    rows = [{name: getattr(entry, name) for name in COLUMNS} | origin for entry in verdicts(folder)]
    write = write_parquet if target.suffix == ".parquet" else write_csv
    write_whole(target, write(rows))
    return len(rows)


def write_parquet(rows: list[dict[str, str]]) -> bytes:
    """The rows as a Parquet file, all columns strings."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([(name, pa.string()) for name in (*COLUMNS, *ORIGIN)])
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), buffer)
    return buffer.getvalue()


def write_csv(rows: list[dict[str, str]]) -> bytes:
    """The rows as RFC 4180 has CSV, in UTF-8."""
    buffer = io.StringIO(newline="")
    writer = csv.DictWriter(buffer, [*COLUMNS, *ORIGIN], lineterminator="\r\n", quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue().encode()


def write_whole(target: Path, content: bytes) -> None:
    """Writes a file whole or not at all; raises `UsageError` where that cannot be."""
    scratch = target.with_name(f".{target.name}.part")
    try:
        scratch.write_bytes(content)
        scratch.replace(target)
    except OSError as error:
        scratch.unlink(missing_ok=True)
        raise UsageError(f"--to {target}: cannot be written ({error.strerror})") from error


def read_table(folder: SampleFolder, source: Path, reviewer: str | None) -> Iterator[Verdict]:
    """The verdicts of a .parquet or .csv file; `reviewer` is the name of all where the file has no such column.

    Needs the columns row_id (or id), label and verdict; date, time, note and reviewer may be there, sample_id and
    run_id are checked where they are. Raises `UsageError` that names the column or the row.
    """
    rows = read_parquet(source) if source.suffix == ".parquet" else read_csv(source)
    design = folder.read_design()
    for number, row in enumerate(rows, 1):
        where = f"{source}, row {number}"
        row = {ALIASES.get(name, name): value for name, value in row.items()}
        check_columns(row, reviewer, str(source))
        check_origin(row, design, where)
        yield Verdict(**{name: str(row[name]) for name in COLUMNS if row.get(name) is not None} | named(row, reviewer))


def named(row: dict[str, Any], reviewer: str | None) -> dict[str, str]:
    """The reviewer of all rows where one was given."""
    return (
        {"reviewer": reviewer} if reviewer and not row.get("reviewer") else {"reviewer": str(row.get("reviewer") or "")}
    )


def check_columns(row: dict[str, Any], reviewer: str | None, where: str) -> None:
    """Refuses a file that lacks a column."""
    missing = [name for name in NEEDED if name not in row]
    if missing:
        raise UsageError(f"{where}: no column '{missing[0]}'; needed are {', '.join(NEEDED)} and reviewer")
    if not reviewer and "reviewer" not in row:
        raise UsageError(f"{where}: no column 'reviewer'; name one reviewer of all with --reviewer")


def check_origin(row: dict[str, Any], design: Design, where: str) -> None:
    """Refuses verdicts of another sample or run."""
    for name in ORIGIN:
        if (found := row.get(name)) and str(found) != getattr(design, name):
            kind = name.removesuffix("_id")
            raise UsageError(
                f"{where}: is a verdict of {kind} {short(str(found))}, not of {getattr(design, name)}; "
                "choose the sample with --sample; nothing was stored"
            )


def read_parquet(source: Path) -> Iterator[dict[str, Any]]:
    """The rows of a Parquet file."""
    import pyarrow.parquet as pq
    from pyarrow.lib import ArrowException

    try:
        with pq.ParquetFile(source) as file:
            for batch in file.iter_batches(10_000):
                yield from batch.to_pylist()
    except (OSError, ArrowException) as error:
        raise UsageError(f"{source}: cannot be read as Parquet ({error})") from error


def read_csv(source: Path) -> Iterator[dict[str, Any]]:
    """The rows of a CSV file with a line of names."""
    csv.field_size_limit(CELL)
    try:
        with source.open(encoding="utf-8-sig", newline="") as file:
            for row in csv.DictReader(file, strict=True):
                if None in row or None in row.values():
                    raise UsageError(f"{source}: a row has other than the {len(row)} cells of the line of names")
                yield row
    except OSError as error:
        raise UsageError(f"{source}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{source}: is not UTF-8; save it so") from error
    except csv.Error as error:
        raise UsageError(f"{source}: is no CSV file ({error})") from error
