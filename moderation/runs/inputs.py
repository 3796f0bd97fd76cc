"""The input files of a run: found, described and digested before anything is written."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from moderation.config import Columns
from moderation.errors import UsageError
from moderation.runs.digests import Digests
from moderation.runs.footer import check_footer
from moderation.runs.listing import parquet_files, resolved
from moderation.text.digest import file_digest, text_digest

if TYPE_CHECKING:
    import pyarrow

KEY_LENGTH = 16  # hexadecimal digits of an input's key in file names
HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"
DAY = "date"


@dataclass(frozen=True)
class InputFile:
    """One Parquet file: `root` is the path that the user named, the file itself or a folder above it."""

    path: Path
    root: Path
    rows: int
    size: int
    mtime_ns: int
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

    @property
    def folder_values(self) -> tuple[tuple[str, str | None], ...]:
        """The columns that folder names give (key=value), below the folder that was named; null as Hive writes it.

        `date` is none of them: it is the output's own, and computed anew.
        """
        folders = self.path.relative_to(self.root).parts[:-1]
        pairs = [folder.split("=", 1) for folder in folders if "=" in folder[1:]]
        return tuple(
            (unquote(key), None if value == HIVE_NULL else unquote(value)) for key, value in pairs if key != DAY
        )

    def describe(self) -> dict[str, object]:
        """What the manifest says of the file."""
        return {
            **{"uri": self.uri, "root": self.root.as_uri(), "key": self.key},
            **{"rows": self.rows, "size": self.size, "sha256": self.sha256},
        }


def input_key(uri: str) -> str:
    """The key of an input's URI."""
    return text_digest(uri)[:KEY_LENGTH]


def find_inputs(paths: list[Path], columns: Columns, digests: Digests | None = None) -> list[InputFile]:
    """Finds every Parquet file below the paths, checks footers and columns, and digests them.

    `digests` spares those that are known. Raises `UsageError` for a missing path, an empty folder, a file that is no
    Parquet, and columns that are missing, hold no text, or are of types that have nothing in common.
    """
    from moderation.runs.types import one_schema

    if not paths:
        raise UsageError("no input: name Parquet files or folders with --input")
    found: dict[Path, tuple[Path, Path]] = {}  # by the real path, to which several may lead
    for path in paths:
        root = resolved(path)
        for file in parquet_files(root, path):
            found.setdefault(file.resolve(), (file, root))
    inputs = [describe(file, root, columns, digests) for file, root in found.values()]
    one_schema(inputs)
    if sum(file.rows for file in inputs) == 0:
        raise UsageError(f"{', '.join(map(str, paths))}: no rows in {len(inputs)} Parquet file(s)")
    return inputs


def describe(path: Path, root: Path, columns: Columns, digests: Digests | None = None) -> InputFile:
    """Reads a file's footer and digest, and checks the columns that every run needs."""
    import pyarrow

    from moderation.runs.rows import open_parquet

    try:
        with open_parquet(path) as opened:
            schema, rows = opened.schema_arrow, opened.metadata.num_rows
            check_footer(path, opened.metadata, columns, path.stat().st_size)
        check_columns(path, schema, columns)
        found = path.stat()  # before the digest: a file that changes meanwhile is refused when it is read
        sha256 = digests.of(path) if digests else file_digest(path)
    except (OSError, pyarrow.ArrowException) as error:
        reason = " ".join(str(error).split())[:200]
        raise UsageError(f"input {path}: not a readable Parquet file ({reason})") from error
    file = InputFile(path, root, rows, found.st_size, found.st_mtime_ns, sha256, schema)
    check_folders(file, columns)
    return file


def check_folders(file: InputFile, columns: Columns) -> None:
    """Refuses folder names that would give all of a file's rows one id, body or time."""
    for role, name in columns.model_dump().items():
        if any(name == given for given, _ in file.folder_values):
            raise UsageError(
                f"input {file.path}: a folder's name gives '{name}', and with it all rows one {role}; name the input "
                "by a path below that folder, or rename it"
            )


def check_columns(path: Path, schema: "pyarrow.Schema", columns: Columns) -> None:
    """Refuses a file without the id and body columns, or with columns of a type that cannot be what they should."""
    from pyarrow import types

    from moderation.runs.types import doubled, is_text

    names = ", ".join(schema.names)
    for role, name in (("id", columns.id), ("body", columns.body)):
        if name not in schema.names:
            raise UsageError(
                f"input {path}: no column '{name}'; name the {role} column with columns.{role}, one of {names}"
            )
    if twice := doubled(schema.names):
        raise UsageError(f"input {path}: two columns are called '{twice}'")
    body = schema.field(columns.body).type
    if not is_text(body):
        raise UsageError(
            f"input {path}: column '{columns.body}' holds {body}, not text; name another with columns.body"
        )
    identifier = schema.field(columns.id).type
    if any(check(identifier) for check in (types.is_nested, types.is_floating, types.is_boolean, types.is_temporal)):
        raise UsageError(f"input {path}: column '{columns.id}' holds {identifier}, which cannot be an id")
