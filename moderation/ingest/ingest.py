"""Ingest: sources → batches of rows and broken lines → files by day, staged → in place, source by source."""

import datetime
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from moderation.errors import UsageError
from moderation.inference.feed import ahead
from moderation.ingest.batch import Batch
from moderation.ingest.csvs import read_csv
from moderation.ingest.days import Days, Quarantine
from moderation.ingest.fields import check_mapping
from moderation.ingest.lines import blocks
from moderation.ingest.private import private
from moderation.ingest.processes import ProcessDied, read_blocks
from moderation.ingest.progress import progress
from moderation.ingest.records import Record, commit, new_record, read_records, recover, same_content, stat_of
from moderation.ingest.sources import Options, Source, find_sources
from moderation.ingest.streams import Damaged, Meter, pieces
from moderation.ingest.tables import read_parquet
from moderation.runs.listing import check_apart
from moderation.runs.manifest import versions
from moderation.runs.run import make_folders, take_lock

STAGING = ".staging"
Say = Callable[[Source, Record, str], None]


def ingest(paths: list[Path], output: Path, options: Options, say: Say) -> dict[str, Record]:
    """Ingests files and folders; calls `say` with each source, its record and what was done: `ingested`, `replaced`,
    `unchanged` or `copy`.

    A source that fails leaves what it had before; the others go on. Returns all records of the output by key. Raises
    `UsageError` before anything is written for sources or options that will not do, and in the end where some failed.
    """
    check_mapping(options.mapping)
    sources = find_sources(paths, options)
    output = output.resolve()
    check_apart([], [path.resolve() for path in paths], output)
    make_folders(output)
    with take_lock(output):
        recover(output)
        shutil.rmtree(output / STAGING, ignore_errors=True)  # of an ingest that died: the lock says it is gone
        failed = []
        for source in sources:
            try:
                one(source, output, options, say)
            except UsageError as error:
                failed.append(str(error))
            finally:
                shutil.rmtree(output / STAGING, ignore_errors=True)
        if failed:
            raise UsageError(all_failures(failed, len(sources)))
        return read_records(output)


def all_failures(failed: list[str], count: int) -> str:
    """One line for one failure, one more for each of several."""
    if len(failed) == 1:
        return failed[0]
    return "\n".join([f"{len(failed)} of {count} sources failed, the others are in place:", *failed])


def one(source: Source, output: Path, options: Options, say: Say) -> None:
    """Ingests a source unless its content is there already."""
    known = read_records(output)
    try:
        record = new_record(source, options, known)
    except OSError as error:
        raise UsageError(f"{source.path}: cannot be read ({error.strerror})") from error
    if found := same_content(output, record, known):
        if found.key == record.key and found.stat != record.stat:
            commit(output, output, record_with_stat(found, record), [], None)
        say(source, found, "unchanged" if found.key == record.key else "copy")
        return
    staging = output / STAGING / source.key
    try:
        staging.mkdir(parents=True)
        files = read_source(source, staging, record, options)
        record.files = [entry(file, staging) for file in files]
        commit(output, staging, record, files, known.get(source.key))
    except OSError as error:
        raise UsageError(f"{source.path}: output {output} cannot be written ({error.strerror or error})") from error
    say(source, record, "replaced" if source.key in known else "ingested")


def record_with_stat(found: Record, fresh: Record) -> Record:
    """An earlier record of a file that was touched, but not changed."""
    found.stat = fresh.stat
    return found


def read_source(source: Source, staging: Path, record: Record, options: Options) -> list[Path]:
    """Reads a source into staged files and fills in its record; returns the files."""
    started = time.monotonic()
    stem = f"{source.key}-{record.sha256[:8]}"
    reasons: Counter[str] = Counter()
    odd: Counter[str] = Counter()
    masked: Counter[str] = Counter()
    quarantine = Quarantine(staging / "_quarantine" / f"{stem}.parquet", source.uri)
    with source.path.open("rb") as file, Days(staging) as days, progress(source.path.name, record.stat[0]) as tell:
        meter = Meter(file, source.path)
        for batch in private(until_damage(source, batches(source, meter, options), record, options), options.privacy):
            days.add(batch.table, batch.days)
            quarantine.add(batch.rejected)
            record.lines += batch.lines
            record.rows += len(batch.table)
            record.blank += batch.blank
            reasons.update(line.reason for line in batch.rejected)
            odd.update(batch.odd)
            masked.update(batch.masked)
            tell(meter.done, record.lines)
        files = days.settle(stem)
    record.reasons, record.odd_values = dict(sorted(reasons.items())), dict(sorted(odd.items()))
    if options.privacy:
        record.privacy, record.masked = options.privacy.describe(), dict(masked)
    record.quarantined = reasons.total()
    describe(record, files, started)
    check(source, record)
    return [*files, *quarantine.close()]


def batches(source: Source, meter: Meter, options: Options) -> Iterator[Batch]:
    """What a source holds, read by its format; files are unpacked a piece ahead, in a thread."""
    if source.format == "parquet":
        yield from read_parquet(meter, source.kind, options.mapping)
        return
    text = blocks(ahead(limited(source.path, pieces(meter, source.packed), options.max_bytes)))
    if source.format == "ndjson":
        yield from read_blocks(text, source.kind, options.mapping)
    else:
        delimiter = "," if source.format == "csv" else "\t"
        yield from read_csv(text, source.path, delimiter, source.kind, options.mapping)


def limited(path: Path, found: Iterator[bytes], most: int) -> Iterator[bytes]:
    """The same bytes; raises `UsageError` where there are more than anyone wanted to unpack."""
    size = 0
    for piece in found:
        size += len(piece)
        if size > most:
            raise UsageError(f"{path}: unfolds to more than {most:,} bytes; --max-bytes allows more")
        yield piece


def until_damage(source: Source, found: Iterator[Batch], record: Record, options: Options) -> Iterator[Batch]:
    """All batches; damage of the file ends them where that is allowed, and is the caller's mistake where it is not."""
    try:
        yield from found
    except Damaged as error:
        if not options.allow_truncated or source.format == "parquet":
            more = "" if source.format == "parquet" else "; --allow-truncated takes what can be read"
            raise UsageError(f"{source.path}: {error}; nothing of it was taken{more}") from error
        record.truncated = str(error)
    except ProcessDied as error:
        raise UsageError(f"{source.path}: {error}; nothing of it was taken, run it again") from error


def describe(record: Record, files: list[Path], started: float) -> None:
    """Fills in days, time and version."""
    dates = sorted({file.parent.name.removeprefix("date=") for file in files} - {"unknown"})
    record.dates = len({file.parent for file in files})
    record.first_date, record.last_date = (dates[0], dates[-1]) if dates else (None, None)
    record.seconds = round(time.monotonic() - started, 3)
    record.version = versions()["moderation-batch"]
    record.finished = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def check(source: Source, record: Record) -> None:
    """Every line is accounted for, and the file is the one that was digested."""
    if record.lines != record.rows + record.quarantined + record.blank:
        raise RuntimeError(f"{source.path}: {record.lines} lines, but {record.rows} rows: this is a bug")
    with suppress(OSError):
        if stat_of(source.path) == record.stat:
            return
    raise UsageError(f"{source.path}: changed while it was read; nothing of it was taken, run it again")


def entry(file: Path, staging: Path) -> dict[str, str | int]:
    """What the record says of a file."""
    from pyarrow import parquet

    rows = parquet.read_metadata(file).num_rows
    return {"path": str(file.relative_to(staging)), "rows": rows, "size": file.stat().st_size}
