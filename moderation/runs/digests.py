"""Digests of input files, remembered while a file stays as it is: a second run need not read terabytes for them."""

import contextlib
import json
import os
import time
from pathlib import Path

from moderation.text.digest import file_digest

NAME = ".digests.json"
SETTLED = 2.0  # seconds: a file that changed this lately may change again without its times telling


class Digests:
    """The digests that an output folder remembers, by path, size, times and inode."""

    def __init__(self, output: Path) -> None:
        self.path = output / NAME
        self.known: dict[str, list[object]] = {}
        self.seen: dict[str, list[object]] = {}
        with contextlib.suppress(OSError, ValueError):
            content = json.loads(self.path.read_text(encoding="utf-8"))
            self.known = content if isinstance(content, dict) else {}

    def of(self, path: Path) -> str:
        """SHA-256 of a file; read only where nothing is known of the file as it is now."""
        found = path.stat()
        state = [found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino]
        remembered = self.known.get(str(path))
        if isinstance(remembered, list) and remembered[1:] == state and isinstance(remembered[0], str):
            digest = remembered[0]
        else:
            digest = file_digest(path)
        if time.time() - max(found.st_mtime, found.st_ctime) > SETTLED:
            self.seen[str(path)] = [digest, *state]
        return digest

    def write(self) -> None:
        """Remembers the digests asked for, and earlier ones of files that are still there."""
        kept = {path: entry for path, entry in self.known.items() if path not in self.seen and Path(path).exists()}
        scratch = self.path.with_name(f"{NAME}.{os.getpid()}.new")
        scratch.write_text(json.dumps({**kept, **self.seen}), encoding="utf-8")
        scratch.replace(self.path)
