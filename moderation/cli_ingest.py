"""`moderation ingest`: dumps as they circulate into Parquet that `moderation run` takes."""

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from moderation.errors import UsageError

if TYPE_CHECKING:
    from moderation.config import Config
    from moderation.ingest.records import Record
    from moderation.ingest.sources import Options, Source

app = typer.Typer()
UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
KINDS = {"auto": None, "comment": "comment", "submission": "submission"}


@app.command()
def ingest(
    sources: Annotated[list[Path], typer.Argument(metavar="SRC...", help="Dumps, or folders of dumps.")],
    output: Annotated[Path, typer.Option("--output", help="Folder of date=.../ that `moderation run --input` takes.")],
    columns: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="body=text,id=nr", help="The source's names of columns, ours first."),
    ] = None,
    kind: Annotated[
        str, typer.Option("--kind", help="comment, submission, or auto: by the name (RC_, RS_), else by each row.")
    ] = "auto",
    format: Annotated[
        str, typer.Option("--format", help="ndjson, csv, tsv, parquet, or auto: by first bytes and name.")
    ] = "auto",
    max_bytes: Annotated[
        str, typer.Option("--max-bytes", help="Most that one source may unfold to, for example 500G.")
    ] = "2T",
    allow_truncated: Annotated[
        bool, typer.Option("--allow-truncated", help="Take what can be read of a damaged archive, and say so.")
    ] = False,
    config: Annotated[
        Path | None, typer.Option("--config", help="YAML file; its `columns` are as --map, its `privacy` as --privacy.")
    ] = None,
    privacy: Annotated[
        str | None,
        typer.Option("--privacy", metavar="OPTIONS", help="drop_author or hash_author, mask_pii: docs/privacy.md."),
    ] = None,
) -> None:
    """Turns dumps into Parquet with one schema, by UTC day; broken lines go to quarantine with their number and reason.

    Takes Reddit's comments (RC_*) and submissions (RS_*) of any year as .zst, .bz2, .xz, .gz or plain lines of JSON,
    and any ndjson, CSV, TSV or Parquet with an id and a text column:

      moderation ingest RC_2006-01.zst RS_2006-01.zst --output comments

      moderation ingest posts.csv.gz --map body=text,id=post_id,created_utc=when --output comments

      moderation run --input comments --output out

    OUTPUT/date=YYYY-MM-DD/ holds the rows (date=unknown those without a date), OUTPUT/_quarantine/ the broken lines and
    OUTPUT/_ingest/ a record for each source: lines = rows + quarantined + blank, always. The same source again changes
    nothing; a changed one replaces its own rows; an ingest that was killed goes on with the sources that are missing.
    A source that cannot be read to its end leaves nothing, the others are taken, and the exit code is 2. Memory stays
    below 1 GB, to which a .zst with a 2 GB window adds that window. docs/ingest.md has the schema and every outcome.
    """
    from moderation.config import load_config
    from moderation.ingest.ingest import ingest
    from moderation.privacy.privacy import find_privacy

    settings = load_config(config, privacy=privacy)
    chosen = options(settings, columns, kind, format, max_bytes, allow_truncated)
    found = ingest(sources, output, replace(chosen, privacy=find_privacy(settings.privacy, output)), say)
    typer.echo(f"{output}: {sum(record.rows for record in found.values()):,} rows of {len(found)} source(s)")


def options(
    settings: "Config", columns: list[str] | None, kind: str, format: str, max_bytes: str, allow_truncated: bool
) -> "Options":
    """The command line as ingest takes it; raises `UsageError` for what it cannot be."""
    from moderation.ingest.sources import FORMATS, Options

    own = settings.columns.model_dump()
    mapping = {name: key for name, key in own.items() if name != key} | parse_mapping(columns or [])
    if kind not in KINDS:
        raise UsageError(f"--kind {kind}: one of {', '.join(KINDS)}")
    formats = list(dict.fromkeys(FORMATS.values()))
    if format not in ("auto", *formats):
        raise UsageError(f"--format {format}: one of auto, {', '.join(formats)}")
    chosen = None if format == "auto" else formats[formats.index(format)]  # type: ignore[arg-type]
    return Options(mapping, KINDS[kind], chosen, parse_size(max_bytes), allow_truncated)  # type: ignore[arg-type]


def parse_mapping(given: list[str]) -> dict[str, str]:
    """`body=text,id=nr` as a mapping."""
    found: dict[str, str] = {}
    for pair in (pair for text in given for pair in text.split(",")):
        ours, equals, theirs = (part.strip() for part in pair.partition("="))
        if not (ours and equals and theirs):
            raise UsageError(f"--map {pair}: must be our name and the source's, for example body=text")
        if found.setdefault(ours, theirs) != theirs:
            raise UsageError(f"--map {pair}: {ours} is {found[ours]} already")
    return found


def parse_size(text: str) -> int:
    """`500G` as bytes."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)B?", text.strip().upper())
    if not found:
        raise UsageError(f"--max-bytes {text}: must be a number of bytes, for example 500000000 or 500G")
    return int(float(found[1]) * UNITS[found[2]])


def say(source: "Source", record: "Record", what: str) -> None:
    """Tells what became of a source; no text of users."""
    if what in ("unchanged", "copy"):
        whose = "" if what == "unchanged" else f" as {record.uri}"
        typer.echo(f"{source.path.name}: ingested already{whose}, {counts(record)}; nothing to do")
        return
    speed = f"{record.seconds:,.1f} s, {record.lines / max(record.seconds, 0.001):,.0f} lines/s"
    typer.echo(f"{source.path.name}: {what}, {counts(record)}; {days(record)}; {speed}")
    for reason, count in record.reasons.items():
        typer.echo(f"  quarantined {reason}: {count:,}")
    for name, count in record.odd_values.items():
        typer.echo(f"  {name}: {count:,} value(s) of no use, null in their rows")
    if record.privacy:
        typer.echo(f"  privacy: {masked(record)}")
    if record.truncated:
        typer.echo(f"  not whole: {record.truncated}")
    if record.quarantined and not record.rows:
        typer.echo("  no line is a row: are --map and --format right?")


def counts(record: "Record") -> str:
    """The sum that must come out even."""
    blank = f" + {record.blank:,} blank" if record.blank else ""
    return f"{record.lines:,} lines = {record.rows:,} rows + {record.quarantined:,} quarantined{blank}"


def masked(record: "Record") -> str:
    """What privacy did to a source's rows."""
    kinds = [f"{name} {count:,}" for name, count in record.masked.items() if name != "rows" and count]
    return f"{record.masked.get('rows', 0):,} rows changed" + (f" ({', '.join(kinds)})" if kinds else "")


def days(record: "Record") -> str:
    """The days that a source has rows of."""
    if not record.first_date:
        return "no dates" if record.rows else "no rows"
    span = record.first_date if record.dates == 1 else f"{record.first_date} to {record.last_date}"
    return f"{record.dates:,} day(s), {span}"
