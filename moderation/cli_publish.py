"""`moderation publish`: the last step of a run that was validated apart; part of the `moderation` command."""

from pathlib import Path
from typing import Annotated

import typer

from moderation.errors import UsageError

app = typer.Typer()


@app.command()
def publish(
    output: Annotated[Path, typer.Option("--output", help="Folder of labelled/, quarantine/ and runs/.")],
    run: Annotated[str | None, typer.Option("--run", help="The accepted run.")] = None,
    tag: Annotated[str | None, typer.Option("--tag", help="The newest validated run of this tag instead.")] = None,
) -> None:
    """Publishes what the gate accepted in `moderation run --until validate`. Needs no model and no Spark.

    Refuses rows that are not those the gate saw, and dates that another run has published since. Twice is once.
    """
    if (run is None) == (tag is None):
        raise UsageError("name the run with --run or --tag, one of them")
    from moderation.runs.accepted import publish_accepted

    manifest, new = publish_accepted(output, run, tag)
    done = "published" if new else "was published before:"
    typer.echo(f"{done} run {manifest.run_id}, {len(manifest.published)} files in {output}")
