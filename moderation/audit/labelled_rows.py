"""The rows that a run published, streamed from its own files: what is held in memory does not grow with the run."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from moderation.audit.published import labelled_files
from moderation.errors import UsageError

BATCH = 10_000


def labelled_rows(output: Path, manifest: dict[str, Any], columns: list[str]) -> Iterator[list[dict[str, Any]]]:
    """Batches of the run's rows, of these columns (`date` is the partition)."""
    import pyarrow.parquet as pq
    from pyarrow.lib import ArrowException

    for path in labelled_files(output, manifest):
        date = unquote(path.parent.name.removeprefix("date="))
        try:
            with pq.ParquetFile(path) as file:
                stored = [name for name in columns if name != "date"]
                for batch in file.iter_batches(BATCH, columns=stored):
                    yield [row | {"date": date} for row in batch.to_pylist()]
        except (OSError, ArrowException) as error:
            raise UsageError(f"{path}: cannot be read ({error}); 'audit verify' tells what was changed") from error


def flagged_kinds(output: Path, manifest: dict[str, Any]) -> Counter[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    """How many flagged rows there are of each action, labels and rules: few kinds, however many rows."""
    found: Counter[tuple[str, tuple[str, ...], tuple[str, ...]]] = Counter()
    for rows in labelled_rows(output, manifest, ["flagged", "action", "labels", "rules"]):
        found.update(kind_of(row) for row in rows if row["flagged"])
    return found


def kind_of(row: dict[str, Any]) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """A row's action, labels and rules."""
    return row["action"] or "none", tuple(row["labels"] or ()), tuple(row["rules"] or ())
