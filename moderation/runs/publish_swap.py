"""Putting a prepared folder in the place of another: in one step where the system can, else in three renames."""

import ctypes
import errno
import os
from pathlib import Path

AT_FDCWD, RENAME_EXCHANGE = -100, 2  # renameat2(2)
CANNOT = (errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP)  # an old kernel, or a file system without it (NFS, for one)


def exchange(one: Path, other: Path) -> bool:
    """Swaps two folders in one atomic step; False, and nothing done, where the system or file system cannot."""
    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if renameat2 is None:
        return False
    if renameat2(AT_FDCWD, os.fsencode(one), AT_FDCWD, os.fsencode(other), RENAME_EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in CANNOT:
        return False
    raise OSError(number, os.strerror(number), str(one))


def names_in(folder: Path) -> set[str]:
    """The files of a folder; none where it does not exist."""
    return {file.name for file in folder.iterdir() if file.is_file()} if folder.is_dir() else set()


def put_in_place(live: Path, prepared: Path, names: set[str]) -> None:
    """Makes `live` the folder of files `names`, which is `prepared`; what was there goes where `prepared` was.

    Without names there is no prepared folder, and `live` goes. May be called again after it was killed at any point:
    the names tell what has been done.
    """
    if names_in(live) != names:
        live.parent.mkdir(parents=True, exist_ok=True)
        prepared.parent.mkdir(parents=True, exist_ok=True)
        if not (live.exists() and prepared.exists() and exchange(live, prepared)):
            in_two_renames(live, prepared)
    if aside(prepared).exists():
        aside(prepared).rename(prepared)


def in_two_renames(live: Path, prepared: Path) -> None:
    """Moves `live` aside, then `prepared` into its place; between the two there is no such folder."""
    if live.exists():
        live.rename(aside(prepared))
    if prepared.exists():
        prepared.rename(live)


def aside(prepared: Path) -> Path:
    """Where a replaced folder waits while its place is still taken."""
    return prepared.with_name(f".{prepared.name}.replaced")


def sync_folder(folder: Path) -> None:
    """Has the system write a folder's entries to the disk; some network file systems cannot, and need not."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in CANNOT:
            raise
    finally:
        os.close(handle)
