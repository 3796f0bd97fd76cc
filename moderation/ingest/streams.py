"""Bytes out of files in any compression, in pieces of bounded size, however much they unfold to."""

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import zstandard

from moderation.errors import UsageError
from moderation.ingest.frames import Frames

PIECE = 4 << 20  # bytes of text at a time
READ = 1 << 20  # bytes of the file at a time
LARGEST_WINDOW = 2**31  # what Reddit's dumps ask for
MOST_XZ_MEMORY = 768 << 20
MAGIC = {b"\x28\xb5\x2f\xfd": "zst", b"\x1f\x8b": "gz", b"BZh": "bz2", b"\xfd7zXZ\x00": "xz", b"PAR1": "parquet"}
SKIPPABLE = tuple(bytes([0x50 + number, 0x2A, 0x4D, 0x18]) for number in range(16))
ERRORS = (zstandard.ZstdError, zlib.error, lzma.LZMAError, OSError, ValueError, EOFError)


class Damaged(Exception):
    """An archive that ends too soon or cannot be unpacked: says where and how."""


class Meter:
    """A file that says how far it has been read; `of_frames` follows Zstandard's frames on the way."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self.file, self.path = file, path
        self.done = 0
        self.of_frames: Frames | None = None

    def read(self, size: int = READ) -> bytes:
        """The next bytes."""
        data = self.file.read(size)
        self.done += len(data)
        if self.of_frames:
            self.of_frames.feed(data)
        return data


def compression(path: Path) -> str:
    """What a file's first bytes say it is: zst, gz, bz2, xz, parquet, or nothing for plain text.

    Raises `UsageError` where its name says that it is compressed and its bytes do not.
    """
    try:
        with path.open("rb") as file:
            head = file.read(6)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror})") from error
    found = "zst" if head.startswith(SKIPPABLE) else next((n for m, n in MAGIC.items() if head.startswith(m)), "")
    named = path.suffix.removeprefix(".").lower()
    if named in MAGIC.values() and named != found:
        what = f"it is {found}" if found else "it begins otherwise" if head else "it is empty"
        raise UsageError(f"{path}: is no {named} file, whatever its name says: {what}")
    return found


def pieces(meter: Meter, packed: str) -> Iterator[bytes]:
    """The file's content in pieces of at most `PIECE` bytes; raises `Damaged` after the last that can be read."""
    unpack: dict[str, Callable[[Meter], Iterator[bytes]]] = {
        "zst": unzstd,
        "gz": lambda meter: unpacked(meter, lambda: zlib.decompressobj(31)),
        "bz2": lambda meter: unpacked(meter, bz2.BZ2Decompressor),
        "xz": lambda meter: unpacked(meter, lambda: lzma.LZMADecompressor(memlimit=MOST_XZ_MEMORY)),
    }
    try:
        yield from unpack[packed](meter) if packed else iter(lambda: meter.read(PIECE), b"")
    except ERRORS as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise Damaged(f"damaged at or before compressed byte {meter.done:,} ({reason})") from error


def unzstd(meter: Meter) -> Iterator[bytes]:
    """All frames of a Zstandard file, one after the other."""
    meter.of_frames = Frames()
    library = zstandard.ZstdDecompressor(max_window_size=LARGEST_WINDOW)
    with library.stream_reader(meter, read_size=READ, read_across_frames=True, closefd=False) as reader:  # type: ignore[arg-type]
        yield from iter(lambda: reader.read(PIECE), b"")
    if not meter.of_frames.whole():
        raise Damaged(f"ends too soon, at compressed byte {meter.done:,}")


def unpacked(meter: Meter, new: Callable[[], Any]) -> Iterator[bytes]:
    """All streams of a gzip, bzip2 or xz file, one after the other, and zeros that pad it."""
    machine, data = new(), meter.read()
    while data:
        made = machine.decompress(data, PIECE)
        while True:
            if made:
                yield made
            data = getattr(machine, "unconsumed_tail", b"")
            if machine.eof or (not data and hungry(machine, made)):
                break
            made = machine.decompress(data, PIECE)
        if not machine.eof:
            data = meter.read()
            continue
        data = machine.unused_data.lstrip(b"\0")
        while not data and (more := meter.read()):
            data = more.lstrip(b"\0")
        if not data:
            return
        machine = new()
    raise Damaged(f"ends too soon, at compressed byte {meter.done:,}")


def hungry(machine: Any, made: bytes) -> bool:
    """Whether a decompressor has given all that it can of what it was fed."""
    return machine.needs_input if hasattr(machine, "needs_input") else len(made) < PIECE
