"""A published row, and the row of the input that it was made from."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from moderation.audit.published import labelled_files
from moderation.contracts import column_names
from moderation.errors import UsageError
from moderation.runs.recorded import local
from moderation.runs.types import spark_type
from moderation.spark.layout import ROLES, Layout
from moderation.spark.source import Reader
from moderation.text.digest import file_digest

if TYPE_CHECKING:
    from moderation.config import Config
    from moderation.privacy.privacy import Privacy
    from moderation.runs.inputs import InputFile
    from moderation.runs.shards import Shard


@dataclass(frozen=True)
class Published:
    """A published row: its values by column, `date` among them, the types of its file's columns, and the file."""

    row: dict[str, Any]
    schema: pa.Schema
    file: Path

    @property
    def input_key(self) -> str:
        """The key of the input that the row came from."""
        return self.file.name.split("-")[0]


def find_published(output: Path, manifest: dict[str, Any], row_id: str, date: str | None) -> Published:
    """The row of an id; raises `UsageError` where the run published none, or several and no date is named."""
    files = labelled_files(output, manifest)
    wanted = [file for file in files if date is None or day_of(file) == date]
    found = [one for file in wanted for one in rows_of(file, row_id)]
    where = f"run {manifest['run_id']}: id {row_id!r}"
    if not found:
        raise UsageError(f"{where}: no such row was published{f' on {date}' if date else ''}; 'quarantine/' has others")
    if len(found) > 1:
        days = ", ".join(sorted(day_of(one.file) for one in found))
        raise UsageError(f"{where}: published on {days}; name one with --date")
    return found[0]


def rows_of(file: Path, row_id: str) -> Iterator[Published]:
    """The rows of an id in a published file; only the ids are read of the others."""
    try:
        opened = parquet.ParquetFile(file)
        for number in range(opened.metadata.num_row_groups):
            hits = pc.equal(opened.read_row_group(number, columns=["id"]).column("id"), row_id)
            for place in pc.indices_nonzero(hits).to_pylist():
                row = opened.read_row_group(number).slice(place, 1).to_pylist()[0]
                yield Published(row | {"date": day_of(file)}, opened.schema_arrow, file)
    except (OSError, pa.ArrowException) as error:
        said = " ".join(str(error).split())[:120]
        raise UsageError(f"{file}: cannot be read ({said}): 'moderation audit verify' says what was changed") from error


def day_of(file: Path) -> str:
    """The date of a published file."""
    return file.parent.name.removeprefix("date=")


def find_input(manifest: dict[str, Any], key: str, config: "Config") -> "InputFile":
    """The input file that a row came from; raises `UsageError` where it is gone, or its digest is another."""
    from moderation.runs.inputs import describe

    entries = [entry for entry in manifest["inputs"] if entry["key"] == key]
    if not entries:
        raise UsageError(f"run {manifest['run_id']}: its manifest names no input with the key {key}")
    path, recorded = local(entries[0]["uri"]), entries[0]["sha256"]
    if not path.is_file():
        raise UsageError(f"input {path}: is not there any more, and without the text no decision on it can be replayed")
    if (found := file_digest(path)) != recorded:
        raise UsageError(f"input {path}: changed since the run: its SHA-256 is {found}, and {recorded} was recorded")
    return describe(path, local(entries[0]["root"]), config.columns)


def layout_of(
    published: Published,
    file: "InputFile",
    manifest: dict[str, Any],
    config: "Config",
    privacy: "Privacy | None" = None,
) -> Layout:
    """The run's columns of the input, of the types in which they were published; other inputs need not be there."""
    before = {target: name for name, target in manifest["renamed_columns"].items()}
    before |= {role: getattr(config.columns, role) for role in ROLES}
    fields, own = [], {field.name: spark_type(field.type) for field in file.schema}
    for field in published.schema:
        if field.name not in column_names("labelled"):
            name = before.get(field.name, field.name)
            fields.append((field.name, own.get(name, field.type) if field.name in ROLES else field.type))
    names = {name: before.get(name, name) for name, _ in fields}
    return Layout(pa.schema(fields), names, manifest["renamed_columns"], privacy)


def find_rows(shards: Sequence["Shard"], layout: Layout, row_id: str) -> Iterator[tuple["Shard", int]]:
    """The shards and rows of an input in which an id stands: one, but for rows of other days or in quarantine."""
    wanted = row_id.encode()
    reader = Reader(shards, [], layout.only(("id",)))
    for number, shard in enumerate(shards):
        for batch in reader.rows([number]):
            hits = pc.equal(as_bytes(batch.column("id")), wanted)
            yield from ((shard, row) for row in batch.column("input_row").filter(hits).to_pylist())


def as_bytes(ids: pa.Array) -> pa.Array:
    """Ids as the bytes of their texts, which need not be UTF-8."""
    textual = pa.types.is_string(ids.type) or pa.types.is_binary(ids.type)
    return (ids if textual else ids.cast(pa.string())).cast(pa.binary())


def input_rows(rows: Sequence[tuple["Shard", int]], layout: Layout) -> pa.Table:
    """Rows of an input with the run's columns and where they come from, as the run's source gives them."""
    readers = [Reader([replace(shard, start=row, stop=row + 1)], [], layout) for shard, row in rows]
    return pa.Table.from_batches([batch for reader in readers for batch in reader.rows([0])], readers[0].schema)
