"""`moderation audit verify` and `replay`: the proof of a published run and of one of its decisions."""

import json
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()

Output = Annotated[Path, typer.Option("--output", help="The output folder of the runs.")]
Run = Annotated[str, typer.Option("--run", metavar="RUN", help="A run id, the beginning of one, or 'latest'.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
OUTPUT = Path("moderated")
DIFFERS = 1  # the exit code: what was found is not what was published


@app.command()
def verify(
    output: Output = OUTPUT,
    run: Run = "latest",
    expect: Annotated[
        str | None, typer.Option("--expect", metavar="DIGEST", help="The manifest's digest as noted elsewhere.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Checks all that a run published and recorded against its digests, and names what is not as it was.

    Exit codes: 0 all as recorded (what is gone and may be is listed as unchecked), 1 something differs, 2 your mistake.

    Example: moderation audit verify --output out --run latest --expect 3f2a81c09d44
    """
    from moderation.audit.verify import verify

    report = verify(output, run, expect)
    for line in [json.dumps(report.as_dict(), ensure_ascii=False)] if as_json else report.lines():
        typer.echo(line)
    if not report.ok:
        raise typer.Exit(DIFFERS)
