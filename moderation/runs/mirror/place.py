"""Where a copy can be: what addresses mean, which packages they need, and what their errors say."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from moderation.errors import UsageError
from moderation.runs.mirror.copied import Copy, Put
from moderation.runs.mirror.dates_copy import DatesCopy
from moderation.runs.mirror.delta_copy import DeltaCopy
from moderation.runs.mirror.hdfs import Hdfs

STORES = ("s3", "gs", "az", "abfs", "abfss")
HDFS = "hdfs"
COLOURS = re.compile("\x1b\\[[0-9;]*m")  # deltalake's errors have them, terminal or not
OF_HDFS = "addresses and users come from HADOOP_CONF_DIR, HADOOP_USER_NAME and Kerberos"
OF_STORES = "keys and addresses come from AWS_*, GOOGLE_*, AZURE_*"


def on_hdfs(to: str) -> bool:
    """Whether an address is one of HDFS."""
    return urlsplit(to).scheme == HDFS


def format_of(to: str, own: str | None) -> str:
    """The format of a copy where none is named: on HDFS the output's own, else Delta, as stores know no renames."""
    return (own or "parquet") if on_hdfs(to) else "delta"


def check_place(to: str, kind: str) -> None:
    """Raises `UsageError` for what is no address of a place for this format, and where a package is missing."""
    check_address(to)
    if kind == "parquet" and not on_hdfs(to):
        raise UsageError(f"--to {to}: object stores know no renames, so a copy there has --format delta")
    wanted = {"hdfs_native": "hdfs"} if on_hdfs(to) else {"obstore": "delta"}
    wanted |= {"deltalake": "delta"} if kind == "delta" else {}
    if missing := sorted({extra for package, extra in wanted.items() if find_spec(package) is None}):
        raise UsageError(f"--to {to}: needs more packages: pip install 'moderation-batch[{','.join(missing)}]'")


def check_address(to: str) -> None:
    """Raises `UsageError` for what is no address of a folder on a store or on HDFS."""
    parts = urlsplit(to)
    if parts.scheme not in (*STORES, HDFS) or not parts.netloc:
        raise UsageError(
            f"--to {to}: give an address such as s3://bucket/folder or hdfs://namenode:8020/folder "
            f"({', '.join((*STORES, HDFS))})"
        )
    if parts.query or parts.fragment or parts.password or to.endswith("/"):
        raise UsageError(f"--to {parts.scheme}://{parts.hostname}{parts.path}: no query, password or slash at the end")
    if ".." in parts.path.split("/") or (on_hdfs(to) and not parts.path):
        raise UsageError(f"--to {to}: name a folder, without '..'")


def open_copy(to: str, kind: str) -> Copy:
    """The copy at a place; raises `UsageError` where it is of the other format."""
    if not on_hdfs(to):
        return DeltaCopy(to, into_store(to))
    if kind == "parquet":
        return DatesCopy(Hdfs(to))
    if DatesCopy(Hdfs(to)).exists():
        raise UsageError(f"{to}: holds a copy in format parquet; copy with --format parquet or to another place")
    return DeltaCopy(to, Hdfs(to).put)


def into_store(to: str) -> Put:
    """Files go to an object store, in parts where they are large."""
    import obstore
    from obstore.store import from_url

    store = from_url(to)

    def put(path: str, file: Path) -> None:
        obstore.put(store, path, file)

    return put


@contextmanager
def clear_errors(to: str) -> Iterator[None]:
    """What the store or HDFS says as one line."""
    kinds: tuple[type[Exception], ...] = (OSError,)
    if on_hdfs(to):
        kinds += (RuntimeError,)  # what hdfs-native raises for all that a server answers with
    if find_spec("deltalake"):
        from deltalake.exceptions import DeltaError

        kinds += (DeltaError,)
    if find_spec("obstore"):
        from obstore.exceptions import BaseError

        kinds += (BaseError,)
    try:
        yield
    except kinds as error:
        said = COLOURS.sub("", str(error)).replace("\\n", "\n").replace("\\t", "\t").split("\n\tat ")[0]
        said = " ".join(said.split())[:300]
        raise UsageError(
            f"--to {to}: {said}; nothing half copied is seen; say it again ({OF_HDFS if on_hdfs(to) else OF_STORES})"
        ) from error
