"""`moderation audit sample` and `estimate`. Heavy imports stay inside the commands."""

import json
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()

Output = Annotated[Path, typer.Option("--output", help="The output folder of the runs.")]
Run = Annotated[str, typer.Option("--run", metavar="RUN", help="A run id, the beginning of one, or 'latest'.")]
Sample = Annotated[str, typer.Option("--sample", metavar="ID", help="A sample, the beginning of one, or 'latest'.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
OUTPUT = Path("moderated")


@app.command()
def sample(
    output: Output = OUTPUT,
    run: Run = "latest",
    margin: Annotated[
        float | None, typer.Option("--margin", help="How sure: 0.05 is precision and recall within 5 points.")
    ] = None,
    size: Annotated[int | None, typer.Option("--size", help="Rows to draw; with --margin the most of them.")] = None,
    label: Annotated[
        list[str] | None, typer.Option("--label", help="What it is about; may be repeated; all labels if not given.")
    ] = None,
    by: Annotated[
        list[str] | None,
        typer.Option("--by", metavar="COLUMN", help="A slice, such as subreddit or entities; may be repeated."),
    ] = None,
    seed: Annotated[
        int, typer.Option("--seed", min=0, max=2**63 - 1, help="The same run and seed give the same sample.")
    ] = 7,
    similarity: Annotated[
        float, typer.Option("--similarity", help="From which likeness texts are shown once; 1: only equal ones.")
    ] = 0.8,
    as_json: Json = False,
) -> None:
    """Draws a stratified sample of a published run for review, and says beforehand what it will tell.

    Rows near a threshold are drawn densely, those far below thinly, and some of every stratum. Each has its
    probability. Example:

      moderation audit sample --output out --run latest --margin 0.05 --label insult --by subreddit
    """
    from moderation.audit.sample import Request, read_sample
    from moderation.audit.sample import sample as draw
    from moderation.audit.show_sample import show_sample

    request = Request(seed, margin, size, tuple(label or ()), tuple(by or ()), similarity)
    folder, new = draw(output, run, request)
    design, reviews = folder.read_design(), len(read_sample(folder))
    if as_json:
        found = design.model_dump(mode="json") | {"folder": str(folder.path), "new": new, "reviews": reviews}
        typer.echo(json.dumps(found, allow_nan=False))
    else:
        show_sample(folder, design, new, reviews)


@app.command()
def estimate(
    output: Output = OUTPUT,
    name: Annotated[
        str, typer.Option("--sample", metavar="ID", help="A sample, the beginning of one, or 'latest'.")
    ] = ("latest"),
    run: Annotated[str | None, typer.Option("--run", metavar="RUN", help="Only samples of this run.")] = None,
    by: Annotated[
        list[str] | None,
        typer.Option("--by", metavar="COLUMN", help="A slice; the sample's own if not given; may be repeated."),
    ] = None,
    margin: Annotated[float, typer.Option("--margin", help="Say how many more rows it takes to be so sure.")] = 0.05,
    curves: Annotated[bool, typer.Option("--curves", help="Also precision and recall at other thresholds.")] = False,
    against: Annotated[
        str | None, typer.Option("--against", metavar="RUN", help="Compare with another run on the same rows.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Estimates precision, recall, false-positive rate and prevalence of a run from the verdicts on a sample.

    Figures are of all scored rows of the run, with 95% intervals. Example:

      moderation audit estimate --output out --curves --against 20261101T000000Z
    """
    from moderation.audit.design import find_sample
    from moderation.audit.published import find_run
    from moderation.audit.results import results
    from moderation.audit.show_estimate import show_results

    folder = find_sample(output, name, find_run(output, run)["run_id"] if run else None)
    found = results(folder, output, tuple(by or ()), margin, curves, against)
    if as_json:
        typer.echo(json.dumps(found.as_dict(), ensure_ascii=False, allow_nan=False))
    else:
        show_results(found)
