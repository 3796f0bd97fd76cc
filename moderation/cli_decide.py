"""`moderation decide`: another policy over stored scores."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()


@app.command()
def decide(
    output: Annotated[Path, typer.Option("--output", help="Folder that `moderation run` wrote.")],
    policy: Annotated[
        str | None, typer.Option("--policy", help="'default' or a YAML file; the run's own where none is named.")
    ] = None,
    run: Annotated[str, typer.Option("--run", metavar="RUN_ID", help="Whose comments; latest: the newest.")] = "latest",
    config: Annotated[Path | None, typer.Option("--config", help="YAML file of settings.")] = None,
    accept_shift: Annotated[
        str | None,
        typer.Option("--accept-shift", metavar="WHY", help="Publish though shares left their bands; says why."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Also where the very result stands there already.")] = False,
) -> None:
    """Decides a run's comments anew from their stored scores and publishes them, without a model.

    Inputs, columns, date and models are the run's; the inputs must be there unchanged, the models need not. The result
    has a run id of its own, passes the same gate, and takes the place of what the same inputs published before.

      moderation decide --output out --policy stricter.yaml
    """
    from moderation.redecide import decide as decide_again
    from moderation.runs.run import log_to_stderr
    from moderation.runs.summary import print_summary

    log_to_stderr()
    print_summary(decide_again(output, run, policy, config, force, accept_shift), output)
