"""Storing a file at a path below a place: object stores by obstore, HDFS by its own client."""

from collections.abc import Callable
from pathlib import Path

from moderation.runs.mirror.hdfs import Hdfs

Put = Callable[[str, Path], None]


def into_store(to: str) -> Put:
    """Files go to an object store, in parts where they are large."""
    import obstore
    from obstore.store import from_url

    store = from_url(to)

    def put(path: str, file: Path) -> None:
        obstore.put(store, path, file)

    return put


def into_hdfs(to: str) -> Put:
    """Files go to HDFS."""
    return Hdfs(to).put
