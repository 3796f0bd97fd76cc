"""The files to ingest: found, told apart by name and first bytes, and known by digest."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from moderation.errors import UsageError
from moderation.ingest.fields import Kind
from moderation.ingest.streams import compression
from moderation.privacy.privacy import Privacy
from moderation.runs.inputs import input_key

Format = Literal["ndjson", "csv", "tsv", "parquet"]
FORMATS: dict[str, Format] = {
    **{".ndjson": "ndjson", ".jsonl": "ndjson", ".json": "ndjson"},
    **{".csv": "csv", ".tsv": "tsv", ".parquet": "parquet"},
}
PACKED = tuple(f".{name}" for name in ("zst", "gz", "bz2", "xz"))
REDDIT = re.compile(r"(RC|RS)([_.-]|$)")


@dataclass(frozen=True)
class Options:
    """How sources are read. `mapping` has the source's name for a column; the rest is told by each file where None."""

    mapping: Mapping[str, str] = field(default_factory=dict)
    kind: Kind | None = None
    format: Format | None = None
    max_bytes: int = 2 * 10**12
    allow_truncated: bool = False
    privacy: Privacy | None = None


@dataclass(frozen=True)
class Source:
    """A file to ingest."""

    path: Path
    packed: str
    format: Format
    kind: Kind

    @property
    def uri(self) -> str:
        """By which it is known from one ingest to the next."""
        return self.path.as_uri()

    @property
    def key(self) -> str:
        """What the names of its files begin with."""
        return input_key(self.uri)


def find_sources(paths: list[Path], options: Options) -> list[Source]:
    """The files at and below the paths, each once; raises `UsageError` for a path that is none or has none."""
    files: dict[Path, None] = {}
    for path in paths:
        files |= dict.fromkeys(below(path))
    return [source(file, options) for file in files]


def below(path: Path) -> Iterator[Path]:
    """The file itself, or the dumps of a folder, hidden ones and those of other kinds left out."""
    try:
        root = path.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        loop = isinstance(error, RuntimeError) or "symbolic links" in str(error)
        raise UsageError(f"{path}: {'a loop of symbolic links' if loop else 'no such file or folder'}") from error
    if root.is_file():
        yield root
        return
    if not root.is_dir():
        raise UsageError(f"{path}: neither a file nor a folder")
    found = [file for file in sorted(root.rglob("*")) if is_dump(file, root)]
    if not found:
        raise UsageError(f"{path}: the folder holds no dump (RC_*, RS_*, or a name that ends in {', '.join(FORMATS)})")
    yield from found


def is_dump(file: Path, root: Path) -> bool:
    """Whether a file below a folder is one to ingest."""
    if any(part.startswith((".", "_")) for part in file.relative_to(root).parts) or not file.is_file():
        return False
    return bool(REDDIT.match(file.name)) or suffix(file) in FORMATS or (file.suffix.lower() in PACKED)


def suffix(file: Path) -> str:
    """What a file's name says of its content, compression left aside."""
    return (Path(file.stem) if file.suffix.lower() in PACKED else file).suffix.lower()


def source(file: Path, options: Options) -> Source:
    """What a file is, by the options, its first bytes and its name."""
    packed = compression(file)
    format_: Format = options.format or ("parquet" if packed == "parquet" else FORMATS.get(suffix(file), "ndjson"))
    if (format_ == "parquet") != (packed == "parquet"):
        raise UsageError(f"{file}: {'no Parquet file' if format_ == 'parquet' else f'a Parquet file, not {format_}'}")
    return Source(file, "" if packed == "parquet" else packed, format_, options.kind or kind_of(file))


def kind_of(file: Path) -> Kind:
    """Comments or submissions, where the name says so."""
    found = REDDIT.match(file.name)
    return "any" if not found else "comment" if found[1] == "RC" else "submission"
