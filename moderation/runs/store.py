"""The score store: what the models said of each shard, one file for a shard, named by what it was made from.

`scores/<scores key>/<sha256 of the input file>/<start>-<stop>.parquet` has a row for every row of the shard, in order.
A file is written beside its place and renamed: it is there whole, or not at all. It holds digests and offsets, no text.
"""

import json
import logging
import os
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moderation.runs.shards import Shard

if TYPE_CHECKING:
    import pyarrow as pa

log = logging.getLogger(__name__)
FOLDER = "scores"
MAKING = ".making"  # the ending of a file that nobody finished yet
SECTION = b"moderation"  # the key of our JSON in a file's metadata


class DamagedScores(Exception):
    """A stored file that cannot be read to its end or is not what its name says."""


@dataclass(frozen=True)
class Store:
    """The scores of one `scores_key` below an output folder."""

    output: Path
    key: str

    @property
    def folder(self) -> Path:
        """Where the scores are."""
        return self.output / FOLDER / self.key

    def path(self, shard: Shard) -> Path:
        """A shard's place."""
        return self.folder / shard.sha256 / f"{shard.start:09d}-{shard.stop:09d}.parquet"

    def said(self, shard: Shard) -> dict[str, Any]:
        """What a file's metadata must say for it to be the shard's."""
        return {"sha256": shard.sha256, "start": shard.start, "stop": shard.stop, "scores_key": self.key}


def commit(
    store: Store,
    shard: Shard,
    schema: "pa.Schema",
    batches: Iterable["pa.RecordBatch"],
    about: dict[str, Any],
    work: dict[str, Any],
) -> None:
    """Writes a shard's scores and puts them in place in one step; harmless where another attempt did so already.

    `about` and `work` go into the file's metadata; `work` is read when all batches are written. Raises
    `DamagedScores` where the rows are not as many as the shard's.
    """
    from pyarrow import parquet

    target = store.path(shard)
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = target.with_name(f".{target.name}.{secrets.token_hex(4)}{MAKING}")
    rows = 0
    try:
        with scratch.open("xb") as file:
            with parquet.ParquetWriter(file, schema, compression="zstd", write_page_checksum=True) as writer:
                for batch in batches:
                    writer.write_batch(batch)
                    rows += batch.num_rows
                writer.add_key_value_metadata({SECTION: json.dumps({**about, **store.said(shard), "work": work})})
            if rows != shard.stop - shard.start:
                raise DamagedScores(f"{rows:,} rows were scored of {shard.name}")
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(target)
    finally:
        scratch.unlink(missing_ok=True)


def damage(store: Store, shard: Shard, thorough: bool = False) -> str | None:
    """What is wrong with a shard's file that is there: by its footer, or `thorough`ly by all its pages."""
    import pyarrow

    from moderation.runs.rows import open_parquet

    try:
        with open_parquet(store.path(shard)) as file:
            about = json.loads((file.metadata.metadata or {}).get(SECTION, b"{}"))
            if thorough:
                file.read()
            rows = file.metadata.num_rows
    except (OSError, ValueError, pyarrow.ArrowException) as error:
        return f"it cannot be read ({' '.join(str(error).split())[:120]})"
    if rows != shard.stop - shard.start:
        return f"it has {rows:,} rows, not {shard.stop - shard.start:,}"
    wrong = [name for name, value in store.said(shard).items() if about.get(name) != value]
    return f"its metadata has another {wrong[0]}" if wrong else None


def how_made(store: Store, shard: Shard) -> dict[str, Any]:
    """What a shard's file says of how it was made: models, precision, versions, the task's backend and place.

    Empty where there is no such file, or it cannot be read.
    """
    import pyarrow

    from moderation.runs.rows import open_parquet

    try:
        with open_parquet(store.path(shard)) as file:
            found: dict[str, Any] = json.loads((file.metadata.metadata or {}).get(SECTION, b"{}"))
    except (OSError, ValueError, pyarrow.ArrowException):
        return {}
    return found


def work_of(store: Store, shard: Shard) -> dict[str, Any] | None:
    """What scoring a shard took, where its scores are there and whole as far as the footer tells."""
    if not store.path(shard).exists() or damage(store, shard):
        return None
    return how_made(store, shard).get("work")


def missing(store: Store, shards: Iterable[Shard], thorough: bool = False) -> list[Shard]:
    """The shards without scores. A file that is not what it should be is removed, with a warning, and counts as none.

    Only footers are read, unless `thorough`: damage to a page is met when its scores are read.
    """
    wanted = []
    for shard in shards:
        if not store.path(shard).exists():
            wanted.append(shard)
        elif found := damage(store, shard, thorough):
            log.warning("scores of %s are thrown away, %s: %s", shard.name, found, store.path(shard))
            store.path(shard).unlink(missing_ok=True)
            wanted.append(shard)
    return wanted


def stored(store: Store, shard: Shard) -> "pa.RecordBatch":
    """A shard's scores, a row for each of its rows; raises `DamagedScores`."""
    import pyarrow

    from moderation.runs.rows import open_parquet

    try:
        with open_parquet(store.path(shard)) as file:
            table = file.read(use_threads=False).combine_chunks()
    except (OSError, pyarrow.ArrowException) as error:
        raise DamagedScores(f"scores of {shard.name}: {' '.join(str(error).split())[:120]}") from error
    if table.num_rows != shard.stop - shard.start:
        raise DamagedScores(f"scores of {shard.name}: {table.num_rows:,} rows")
    return table.to_batches()[0]


def clean(output: Path) -> None:
    """Removes what attempts that died left unfinished. Call it with the output's lock held."""
    for scratch in unfinished(output):
        scratch.unlink(missing_ok=True)


def unfinished(output: Path) -> Iterator[Path]:
    """Files that are being made, or were when their maker died."""
    yield from (output / FOLDER).glob(f"*/*/.*{MAKING}")
