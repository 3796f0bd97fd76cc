"""Digests that name texts and files."""

import hashlib
from pathlib import Path


def text_digest(text: str) -> str:
    """SHA-256 of the text's UTF-8 bytes, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal, read as a stream."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def folder_digest(folder: Path, names: list[str]) -> str:
    """SHA-256 over the named files of a folder, in the given order: their names and their digests."""
    lines = [f"{name}:{file_digest(folder / name)}\n" for name in names]
    return text_digest("".join(lines))
