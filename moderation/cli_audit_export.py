"""`moderation audit export` and `audit compare`: a run's decisions for authorities and for readers of another API."""

import json
from pathlib import Path
from typing import Annotated

import typer

from moderation.errors import UsageError

app = typer.Typer()

Output = Annotated[Path, typer.Option("--output", help="The output folder of the runs.")]
RunId = Annotated[str, typer.Option("--run", help="A run id, the beginning of one, or 'latest'.")]
OUTPUT = Path("moderated")
FORMATS = ("dsa", "perspective")


@app.command()
def export(
    format: Annotated[str, typer.Option("--format", help="dsa or perspective.")],
    to: Annotated[
        Path | None, typer.Option("--to", help="dsa: a .json, .ndjson or .csv file; perspective: .ndjson.")
    ] = None,
    platform: Annotated[
        Path | None, typer.Option("--platform", metavar="FILE", help="dsa: what the platform says, in YAML.")
    ] = None,
    template: Annotated[bool, typer.Option("--template", help="dsa: print that YAML file, to be filled in.")] = False,
    output: Output = OUTPUT,
    run: RunId = "latest",
) -> None:
    """Writes a run's decisions as EU statements of reasons, or its scores as Perspective's responses had them.

    dsa: a statement for each flagged row whose action the platform's file names, as the DSA Transparency Database takes
    it; .ndjson has the body of one call (100 statements) a line. docs/export.md says where each field comes from.

    Example: moderation audit export --format dsa --template > platform.yaml
    """
    if format not in FORMATS:
        raise UsageError(f"--format {format}: is neither {' nor '.join(FORMATS)}")
    if template:
        from moderation.audit.dsa import template as filled

        typer.echo(filled().rstrip())
        return
    if to is None:
        raise UsageError("--to is missing: the file to write")
    (export_dsa if format == "dsa" else export_perspective)(output, run, to, platform)


def export_dsa(output: Path, run: str, to: Path, platform: Path | None) -> None:
    """Writes statements of reasons."""
    from moderation.audit.dsa import read_platform, schema, statements
    from moderation.audit.export_files import write_calls, write_csv, write_document
    from moderation.audit.labelled_rows import flagged_kinds
    from moderation.audit.published import find_run
    from moderation.audit.verdict_files import check_suffix

    kind = check_suffix(to, (".json", ".ndjson", ".csv"))
    if platform is None:
        raise UsageError("--platform is missing: what only the platform can say; --template prints the file to fill in")
    manifest, said = find_run(output, run), read_platform(platform)
    found = statements(output, manifest, said, str(platform))
    if kind == ".csv":
        count = write_csv(found, to, list(schema()["properties"]))
    else:
        count = (write_calls if kind == ".ndjson" else write_document)(found, to)
    typer.echo(f"{count:,} statements of run {manifest['run_id']} in {to}")
    left: dict[str, int] = {}
    for (action, _, _), rows in flagged_kinds(output, manifest).items():
        if action not in said.actions:
            left[action] = left.get(action, 0) + rows
    for action, rows in left.items():
        typer.echo(f"no statement for {rows:,} flagged rows with action {action}: not among 'actions' of {platform}")


def export_perspective(output: Path, run: str, to: Path, platform: Path | None) -> None:
    """Writes responses."""
    from moderation.audit.export_files import write_lines
    from moderation.audit.perspective import attributes, responses
    from moderation.audit.published import find_run, thresholds_of
    from moderation.audit.verdict_files import check_suffix

    check_suffix(to, (".ndjson", ".jsonl"))
    if platform is not None:
        raise UsageError("--platform goes with --format dsa only")
    manifest = find_run(output, run)
    labels = list(thresholds_of(manifest))
    names = attributes(labels)
    count = write_lines(responses(output, manifest, names), to)
    typer.echo(f"{count:,} responses of run {manifest['run_id']} in {to}: {', '.join(names.values())}")
    if without := [label for label in labels if label not in names]:
        typer.echo(f"no attribute of Perspective's: {', '.join(without)}")


@app.command()
def compare(
    baseline: Annotated[
        Path, typer.Option("--baseline", metavar="FILE", help=".ndjson of responses, or .parquet or .csv of columns.")
    ],
    threshold: Annotated[
        list[float] | None, typer.Option("--threshold", help="Of the baseline; may be given more than once.")
    ] = None,
    id_column: Annotated[str | None, typer.Option("--id-column", help="Where the baseline has the row's id.")] = None,
    seed: Annotated[int, typer.Option("--seed", help="Of the resamples.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    output: Output = OUTPUT,
    run: RunId = "latest",
) -> None:
    """Compares a run's scores with stored scores of Perspective's: rank correlation, agreement, and the threshold of
    ours that flags as many rows as theirs did, with 95% intervals.

    Lines of .ndjson are the API's responses with an id beside (id, row_id, comment_id or clientToken).

    Example: moderation audit compare --output out --baseline responses.ndjson --threshold 0.8
    """
    from dataclasses import asdict

    from moderation.audit.baseline import read_baseline
    from moderation.audit.compare import THRESHOLDS, as_lines, join, scores_of
    from moderation.audit.compare import compare as compared
    from moderation.audit.extra import need_extra
    from moderation.audit.perspective import attributes
    from moderation.audit.published import find_run, thresholds_of

    need_extra("scipy", "statsmodels")
    wanted = threshold or list(THRESHOLDS)
    if odd := [one for one in wanted if not 0 < one <= 1]:
        raise UsageError(f"--threshold {odd[0]}: must be above 0 and at most 1")
    manifest = find_run(output, run)
    own = thresholds_of(manifest)
    names = attributes(list(own))
    stored = read_baseline(baseline, list(names.values()), id_column)
    both, counts = join(scores_of(output, manifest, list(names)), stored)
    pairs = [(label, name) for label, name in names.items() if name in stored]
    found = [compared(both, label, name, own[label], wanted, seed) for label, name in pairs]
    if as_json:
        typer.echo(json.dumps({"run_id": manifest["run_id"], **counts, "attributes": [asdict(one) for one in found]}))
        return
    for line in as_lines(found, counts):
        typer.echo(line)
