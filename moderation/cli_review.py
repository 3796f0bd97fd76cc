"""`moderation review`: the review page, served on this machine. Heavy imports stay inside the command."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()


@app.command()
def review(
    output: Annotated[Path, typer.Option("--output", help="The output folder of the runs.")] = Path("moderated"),
    run: Annotated[
        str | None, typer.Option("--run", metavar="RUN", help="A run id, the beginning of one; else what readers see.")
    ] = None,
    sample: Annotated[
        str, typer.Option("--sample", metavar="ID", help="A sample, the beginning of one, or the run's latest.")
    ] = "latest",
    reviewer: Annotated[
        str | None, typer.Option("--reviewer", metavar="NAME", help="Who reviews: signed in without being asked.")
    ] = None,
    host: Annotated[
        str, typer.Option("--host", help="Where to listen. Other than this machine itself: a token is needed.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 takes a free one.")] = 8765,
    token: Annotated[
        str | None,
        typer.Option(
            "--token", envvar="MODERATION_REVIEW_TOKEN", help="What reviewers need to get in, 16 letters or more."
        ),
    ] = None,
    lease: Annotated[
        float, typer.Option("--lease", min=0.02, help="Minutes for which a row is kept for who was given it.")
    ] = 30.0,
    open_: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in a browser.")] = True,
    words: Annotated[bool, typer.Option("--words/--no-words", help="Mark the words that drove a score.")] = True,
) -> None:
    """Serves the page on which people judge a sample, and opens it; Ctrl-C stops it, and nothing is lost.

    Needs the extra `review`. Every verdict is on the disk before the next text shows. Example:

      moderation review --output out --reviewer anna
    """
    from moderation.audit.extra import need_extra

    need_extra("starlette", "uvicorn", "jinja2", extra="review")
    from moderation.review.server import serve
    from moderation.review.state import Options

    serve(output, run, sample, Options(reviewer, host, port, token, lease * 60, words), open_)
