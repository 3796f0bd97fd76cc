"""Inputs and outputs that are no ordinary files: links, pipes, devices, folders inside each other."""

import os
import socket
from pathlib import Path

from tests.hostile.cases import Case, Maker, ordinary, write

NOT_LISTED = "cannot be opened"


def good(folder: Path, name: str = "good.parquet", first: int = 0) -> Path:
    """An ordinary file of ten rows beside the odd thing."""
    return write(ordinary(10, first), folder / name)


def loop(folder: Path) -> Path:
    """Two links that lead to each other."""
    (folder / "x.parquet").symlink_to(folder / "y.parquet")
    (folder / "y.parquet").symlink_to(folder / "x.parquet")
    return folder


def dangling(folder: Path) -> Path:
    good(folder)
    (folder / "x.parquet").symlink_to(folder / "nowhere.parquet")
    return folder


def pipe(folder: Path) -> Path:
    good(folder)
    os.mkfifo(folder / "x.parquet")
    return folder


def listener(folder: Path) -> Path:
    good(folder)
    here = Path.cwd()
    os.chdir(folder)  # a socket's whole path may have no more than 108 letters
    with socket.socket(socket.AF_UNIX) as made:
        made.bind("x.parquet")
    os.chdir(here)
    return folder


def device(folder: Path) -> Path:
    good(folder)
    (folder / "x.parquet").symlink_to("/dev/zero")
    return folder


def only(make: Maker, name: str = "x.parquet") -> Maker:
    """A maker that gives the run the odd thing itself, not the folder."""
    return lambda folder: make(folder) / name


def empty_folder(folder: Path) -> Path:
    (folder / "x.parquet").mkdir()
    return folder


def folder_of_parts(folder: Path) -> Path:
    good(folder / "x.parquet", "part-0.parquet")
    good(folder / "x.parquet", "part-1.parquet", 10)
    return folder


def folder_loop(folder: Path) -> Path:
    good(folder)
    (folder / "again").symlink_to(folder, target_is_directory=True)
    return folder


def linked_folder(folder: Path) -> Path:
    good(folder.parent / "elsewhere", "x.parquet")
    (folder / "link").symlink_to(folder.parent / "elsewhere", target_is_directory=True)
    return folder


def linked_twice(folder: Path) -> Path:
    good(folder)
    for name in ("one.parquet", "two.parquet"):
        (folder / name).symlink_to(folder / "good.parquet")
    return folder


def hidden(folder: Path) -> Path:
    good(folder)
    for name in (".x.parquet", "_x.parquet", "_temporary/0/x.parquet", ".snapshot/x.parquet"):
        good(folder, name)
    return folder


def odd_names(folder: Path) -> Path:
    names = (
        "a b.parquet",
        "[1]*?{x}.parquet",
        "%2F..%2Fup.parquet",
        "new\nline.parquet",
        "ü-😀.parquet",
        "#x;y='z\".parquet",
    )
    for number, name in enumerate(names):
        good(folder, name, 10 * number)
    return folder


def name_of_bytes(folder: Path) -> Path:
    """A name that is no UTF-8, as old disks have them."""
    made = good(folder)
    made.rename(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.parquet"))
    return folder


def named_with_line_break(folder: Path) -> Path:
    (folder / "two\nlines\x1b[31m.parquet").write_bytes(b"")
    return folder


FOUND = [
    Case("two links that lead to each other", loop, 2, "a link that leads nowhere"),
    Case("a link that leads to itself, named as the input", only(loop), 2, NOT_LISTED),
    Case("a link that leads nowhere, beside a good file", dangling, 2, "a link that leads nowhere"),
    Case("a link that leads nowhere, named as the input", only(dangling), 2, "a link that leads nowhere"),
    Case("a FIFO called .parquet, beside a good file", pipe, 2, "a FIFO, not a file"),
    Case("a FIFO called .parquet, named as the input", only(pipe), 2, "a FIFO, neither file nor folder"),
    Case("a socket called .parquet", listener, 2, "a socket, not a file"),
    Case("a link to a device called .parquet", device, 2, "a device, not a file"),
    Case("a device, named as the input", lambda _: Path("/dev/zero"), 2, "/dev/zero: a device", names=""),
    Case("an empty folder called x.parquet", empty_folder, 2, "the folder holds no .parquet file", names=""),
    Case("a name that no file can have", lambda folder: folder / ("x" * 300), 2, NOT_LISTED, names="xxx"),
    Case(
        "a name with a line break and escape codes",
        named_with_line_break,
        2,
        r"two\nlines\x1b[31m.parquet: not a readable",
        names="",
    ),
    Case("a name that is no UTF-8", name_of_bytes, 2, r"caf\udce9.parquet: the name is not UTF-8", names=""),
]
LISTED = [
    Case("a folder called x.parquet with files in it", folder_of_parts, 0, counts=(20, 0), why="its files are read"),
    Case("a link to the folder that holds it", folder_loop, 0, counts=(10, 0), why="each file is read once"),
    Case("a link to a folder elsewhere", linked_folder, 0, counts=(10, 0), why="links are followed"),
    Case("two links to a file beside them", linked_twice, 0, counts=(10, 0), why="each file is read once"),
    Case(
        "files that begin with a dot or an underscore",
        hidden,
        0,
        counts=(10, 0),
        why="left out, as unfinished ones are",
    ),
    Case(
        "names with spaces, globs, %2F, line breaks, emoji, quotes",
        odd_names,
        0,
        counts=(60, 0),
        why="taken as they are",
    ),
]
