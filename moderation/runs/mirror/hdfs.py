"""Files on HDFS, through hdfs-native: a client without a JVM, which reads Hadoop's configuration as Hadoop does."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from moderation.errors import UsageError

if TYPE_CHECKING:
    import hdfs_native

ATTEMPTS = {"dfs.client.failover.max.attempts": "4"}  # some ten seconds; Hadoop's 15 are three minutes of silence
PIECE = 8 << 20


class Hdfs:
    """The folder that an address names; paths are relative to it."""

    def __init__(self, to: str) -> None:
        import hdfs_native

        parts = urlsplit(to)
        self.to, self.root = to, parts.path
        self.client = hdfs_native.Client(f"{parts.scheme}://{parts.netloc}", ATTEMPTS)

    def path(self, path: str) -> str:
        """The full path on HDFS."""
        return f"{self.root}/{path}" if path else self.root

    def names(self, path: str = "") -> dict[str, hdfs_native.FileStatus]:
        """What a folder holds, by name; nothing where there is none."""
        try:
            return {one.path.rsplit("/", 1)[-1]: one for one in self.client.list_status(self.path(path))}
        except FileNotFoundError:
            return {}

    def exists(self, path: str) -> bool:
        """Whether there is such a file or folder."""
        try:
            return bool(self.client.get_file_info(self.path(path)))
        except FileNotFoundError:
            return False

    def put(self, path: str, file: Path) -> None:
        """Stores a file, in place of one of that path; it is whole when this returns."""
        with file.open("rb") as source:
            self.write(path, iter(lambda: source.read(PIECE), b""))
        if (length := self.client.get_file_info(self.path(path)).length) != file.stat().st_size:
            raise UsageError(f"{self.to}/{path}: has {length:,} bytes, not those of {file}; try again")

    def write(self, path: str, pieces: Iterable[bytes]) -> None:
        """Writes a file of these pieces."""
        import hdfs_native

        options = hdfs_native.WriteOptions(overwrite=True, create_parent=True)
        with self.client.create(self.path(path), options) as target:
            for piece in pieces:
                target.write(piece)

    def read(self, path: str) -> bytes:
        """The content of a file."""
        with self.client.read(self.path(path)) as file:
            return bytes(file.read())

    def rename(self, source: str, target: str) -> None:
        """Gives a file or folder another path in one step; its folder must be there, and the path must not be taken."""
        self.client.rename(self.path(source), self.path(target))

    def make(self, path: str) -> None:
        """Makes a folder, and those above it."""
        self.client.mkdirs(self.path(path), create_parent=True)

    def remove(self, path: str) -> None:
        """Removes a file or folder with all that it holds."""
        self.client.delete(self.path(path), recursive=True)
