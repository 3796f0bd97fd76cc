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


@app.command()
def replay(
    row_id: Annotated[str, typer.Option("--id", metavar="ID", help="The comment's id.")],
    output: Output = OUTPUT,
    run: Run = "latest",
    date: Annotated[str | None, typer.Option("--date", metavar="DATE", help="Where the id is on several.")] = None,
    models: Annotated[
        list[str] | None, typer.Option("--model", help="Where the run's model is now; once for each, in their order.")
    ] = None,
    precision: Annotated[
        str | None, typer.Option("--precision", help="Another than the run's: fp32, bf16, int8.")
    ] = None,
    backend: Annotated[
        str | None, typer.Option("--backend", help="Another than the run's: native, openvino or torch.")
    ] = None,
    device: Annotated[str | None, typer.Option("--device", help="Another than the run's: cpu or cuda.")] = None,
    alone: Annotated[
        bool, typer.Option("--alone", help="Score the text by itself only: quick, last bits may differ.")
    ] = False,
    show_text: Annotated[
        bool, typer.Option("--show-text", help="Show words of the comment where they differ.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Makes one published decision again from its input, model, calibration and policy, and compares every column.

    Digests are checked first; a source that is gone or changed is one line and exit code 2. Exit codes: 0 equal (or
    within the stated tolerance, all decisions equal), 1 differs, 2 cannot be replayed.

    Example: moderation audit replay --output out --run latest --id nw4k03b
    """
    from moderation.audit.replay import Wish
    from moderation.audit.replay import replay as replay_row
    from moderation.runs.run import log_to_stderr

    log_to_stderr()
    wish = Wish(row_id, date, tuple(models or ()), precision, backend, device, alone)
    found = replay_row(output, run, wish)
    for line in [json.dumps(found.as_dict(show_text), default=str)] if as_json else found.lines(show_text):
        typer.echo(line)
    if found.verdict == "differs":
        raise typer.Exit(DIFFERS)
