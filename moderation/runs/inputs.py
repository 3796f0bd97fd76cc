"""The input files of a run: found, described and digested before anything is written."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from moderation.config import Columns
from moderation.errors import UsageError
from moderation.runs.footer import check_footer
from moderation.runs.listing import parquet_files, resolved
from moderation.text.digest import file_digest, text_digest

if TYPE_CHECKING:
    import pyarrow

KEY_LENGTH = 16  # hexadecimal digits of an input's key in file names


@dataclass(frozen=True)
class InputFile:
    """One Parquet file: `root` is the path that the user named, the file itself or a folder above it."""

    path: Path
    root: Path
    rows: int
    size: int
    sha256: str
    schema: "pyarrow.Schema"

    @property
    def uri(self) -> str:
        """The full URI, by which an input is known from run to run."""
        return self.path.as_uri()

    @property
    def key(self) -> str:
        """A short digest of the URI that file names carry."""
        return input_key(self.uri)

    def describe(self) -> dict[str, object]:
        """What the manifest says of the file."""
        return {"uri": self.uri, "key": self.key, "rows": self.rows, "size": self.size, "sha256": self.sha256}


def input_key(uri: str) -> str:
    """The key of an input's URI."""
    return text_digest(uri)[:KEY_LENGTH]


def find_inputs(paths: list[Path], columns: Columns) -> list[InputFile]:
    """Finds every Parquet file below the paths, checks footers and columns, and digests them.

    Raises `UsageError` for a missing path, an empty folder, a file that is no Parquet, and columns that are missing
    or hold no text.
    """
    if not paths:
        raise UsageError("no input: name Parquet files or folders with --input")
    found: dict[Path, tuple[Path, Path]] = {}  # by the real path, to which several may lead
    for path in paths:
        root = resolved(path)
        for file in parquet_files(root, path):
            found.setdefault(file.resolve(), (file, root))
    inputs = [describe(file, root, columns) for file, root in found.values()]
    check_types(inputs)
    if sum(file.rows for file in inputs) == 0:
        raise UsageError(f"{', '.join(map(str, paths))}: no rows in {len(inputs)} Parquet file(s)")
    return inputs


def describe(path: Path, root: Path, columns: Columns) -> InputFile:
    """Reads a file's footer and digest, and checks the columns that every run needs."""
    import pyarrow
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path) as file:
            schema, rows = file.schema_arrow, file.metadata.num_rows
            check_footer(path, file.metadata, columns, path.stat().st_size)
    except (OSError, pyarrow.ArrowException) as error:
        reason = " ".join(str(error).split())[:200]
        raise UsageError(f"input {path}: not a readable Parquet file ({reason})") from error
    check_columns(path, schema, columns)
    return InputFile(path, root, rows, path.stat().st_size, file_digest(path), schema)


def check_types(inputs: list[InputFile]) -> None:
    """Refuses files that have a column in common but not its type."""
    seen: dict[str, tuple[str, Path]] = {}
    for file in inputs:
        for field in file.schema:
            kind, first = seen.setdefault(field.name, (parquet_type(field.type), file.path))
            if parquet_type(field.type) != kind:
                raise UsageError(
                    f"input {file.path}: column '{field.name}' holds {field.type}, but {kind} in {first}; "
                    "run them one by one"
                )


def parquet_type(kind: "pyarrow.DataType") -> str:
    """A type's name without what Arrow knows and Parquet does not."""
    from pyarrow import types

    if types.is_dictionary(kind):
        kind = kind.value_type
    return re.sub(r"timestamp\[[mu]s", "timestamp[us", str(kind).replace("large_", ""))


def check_columns(path: Path, schema: "pyarrow.Schema", columns: Columns) -> None:
    """Refuses a file without the id and body columns, or with columns of a type that cannot be what they should."""
    from pyarrow import types

    names = ", ".join(schema.names)
    for role, name in (("id", columns.id), ("body", columns.body)):
        if name not in schema.names:
            raise UsageError(
                f"input {path}: no column '{name}'; name the {role} column with columns.{role}, one of {names}"
            )
        if schema.names.count(name) > 1:
            raise UsageError(f"input {path}: two columns are called '{name}'")
    body = schema.field(columns.body).type
    if types.is_dictionary(body):
        body = body.value_type
    if not any(
        check(body) for check in (types.is_string, types.is_large_string, types.is_binary, types.is_large_binary)
    ):
        raise UsageError(
            f"input {path}: column '{columns.body}' holds {body}, not text; name another with columns.body"
        )
    identifier = schema.field(columns.id).type
    if any(check(identifier) for check in (types.is_nested, types.is_floating, types.is_boolean, types.is_temporal)):
        raise UsageError(f"input {path}: column '{columns.id}' holds {identifier}, which cannot be an id")
