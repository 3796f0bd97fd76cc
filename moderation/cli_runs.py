"""`moderation runs`: which runs there were, what they published, going back to one, removing what is not needed."""

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

app = typer.Typer(name="runs", no_args_is_help=True, help="Lists, shows, rolls back and cleans runs of an output.")

Output = Annotated[Path, typer.Option("--output", help="The output folder of the runs.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
OUTPUT = Path("moderated")
MirrorFormat = Literal["delta", "parquet"]


@app.command("list")
def list_runs(output: Output = OUTPUT, as_json: Json = False) -> None:
    """Lists the runs, oldest first: status, rows, share flagged, inputs, files published and replaced, overrides."""
    from moderation.runs.report import HEADINGS, brief, cells

    found = brief(output)
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    table = [list(HEADINGS), *map(cells, found)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for line in table:
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


@app.command()
def show(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run id, the beginning of one, or 'latest'.")],
    output: Output = OUTPUT,
    as_json: Json = False,
) -> None:
    """Shows what a run read, did and published, and which of its files later runs replaced.

    Example: moderation runs show latest --output out --json | jq .counts
    """
    from moderation.runs.report import full, words

    found = full(output, run)
    for line in [json.dumps(found, ensure_ascii=False)] if as_json else words(found):
        typer.echo(line)


@app.command()
def rollback(
    to: Annotated[str, typer.Option("--to", metavar="RUN", help="The run after which all was well.")],
    output: Output = OUTPUT,
    as_json: Json = False,
) -> None:
    """Publishes what was published right after a run; readers see the old state or the new, as with any publication.

    Later runs are then `rolled back`; going back to one of them is possible until `clean`.
    """
    from moderation.runs.rollback import rollback

    changed = rollback(output.resolve(), to)
    if as_json:
        typer.echo(json.dumps(changed))
        return
    for run_id, status in changed.items():
        typer.echo(f"{run_id}  {status.replace('_', ' ')}")
    typer.echo("published as it was right after the run" if changed else "nothing to do: that is what is published")


@app.command()
def clean(
    output: Output = OUTPUT,
    keep: Annotated[int, typer.Option("--keep", help="Publications to which one can still go back.")] = 3,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")] = False,
    as_json: Json = False,
) -> None:
    """Removes what no kept run needs: replaced files, staged rows of refused runs, stored scores.

    Manifests and Data Docs stay.
    """
    from moderation.runs.clean import clean

    found = clean(output, keep, dry_run)
    if as_json:
        typer.echo(json.dumps(found))
        return
    for kind in ("versions", "staging", "scores"):
        typer.echo(f"{kind:9} {found[kind]['files']:>7,} files  {found[kind]['bytes']:>15,} bytes")
    typer.echo(
        f"{'would free' if dry_run else 'freed'} {found['bytes']:,} bytes; kept: {', '.join(found['kept']) or '-'}"
    )


@app.command()
def mirror(
    to: Annotated[
        str, typer.Option("--to", metavar="URL", help="s3://, gs://, az://, abfss:// or hdfs://, a folder in it.")
    ],
    output: Output = OUTPUT,
    kind: Annotated[
        MirrorFormat | None,
        typer.Option("--format", help="delta, or on HDFS also parquet; there the output's own if not given."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Copies what is published to an object store or to HDFS; a second time changes nothing.

    Readers of the copy see one published state or the next: of a Delta table as a whole, of Parquet on each date.
    `publish: {mirror: URL}` in the configuration does this after every publication.

    Example: AWS_REGION=eu-west-1 moderation runs mirror --output out --to s3://bucket/moderated

    Example: moderation runs mirror --output out --to hdfs://namenode:8020/moderated --format parquet
    """
    from dataclasses import asdict

    from moderation.runs.mirror.mirror import mirror

    told = [] if as_json else [lambda path, size: typer.echo(f"{path}  {size:,} bytes")]
    found = mirror(output.resolve(), to, kind, *told)
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found]))
        return
    for one in found:
        state = "no table" if one.version is None else f"version {one.version}"
        if one.dates is not None:
            state = f"{one.dates} date{'' if one.dates == 1 else 's'} swapped"
        typer.echo(f"{one.tree:10} {state}: {one.added:,} files added, {one.removed:,} removed, {one.bytes:,} bytes")
