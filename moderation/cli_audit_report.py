"""`moderation audit report`: one HTML file about a published run, for people who did not write the code."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()


@app.command()
def report(
    output: Annotated[Path, typer.Option("--output", help="Folder that `moderation run` wrote.")] = Path("moderated"),
    run: Annotated[str, typer.Option("--run", metavar="RUN", help="A run id, or latest: what readers see.")] = "latest",
    sample: Annotated[
        str | None, typer.Option("--sample", metavar="ID", help="The sample; the run's newest where none is named.")
    ] = None,
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Where the page goes.")] = None,
    by: Annotated[list[str] | None, typer.Option("--by", metavar="COLUMN", help="Slices; may stand again.")] = None,
    beside: Annotated[str, typer.Option("--beside", metavar="LABEL", help="Whose rows' names are listed.")] = "insult",
    examples: Annotated[int, typer.Option("--examples", min=0, max=20, help="Texts of each stratum.")] = 2,
    words: Annotated[bool, typer.Option("--words/--no-words", help="Mark the words that drove a score.")] = True,
) -> None:
    """Writes the report of a published run: one page that opens offline, with what is known and what is not.

    Figures come from the published files; precision and recall from the verdicts on a sample, where there are any.

      moderation audit report --output out --run latest --by subreddit
    """
    from moderation.audit.report import Wanted, write_report
    from moderation.runs.run import log_to_stderr
    from moderation.runs.summary import short

    log_to_stderr()
    wanted = Wanted(sample, tuple(by) if by else Wanted.slices, beside, examples, words)
    typer.echo(f"report  {short(write_report(output, run, wanted, html).resolve())}")
