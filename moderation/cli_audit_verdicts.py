"""`moderation audit verdicts`: what reviewers said of a sample, in and out, and how far they agree."""

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from moderation.errors import UsageError

if TYPE_CHECKING:
    from moderation.audit.design import SampleFolder

app = typer.Typer(name="verdicts", no_args_is_help=True, help="Adds, imports and exports verdicts; agreement.")

Output = Annotated[Path, typer.Option("--output", help="The output folder of the runs.")]
Sample = Annotated[str, typer.Option("--sample", help="A sample's id, the beginning of one, or 'latest'.")]
Reviewer = Annotated[str | None, typer.Option("--reviewer", metavar="NAME", help="Who judged.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
OUTPUT = Path("moderated")


@app.command()
def add(
    row: Annotated[str, typer.Option("--row", metavar="ID", help="The id of a sampled row.")],
    label: Annotated[str, typer.Option("--label", help="One of the run's labels.")],
    verdict: Annotated[str, typer.Option("--verdict", help="yes, no, unsure, or withdrawn to take a word back.")],
    reviewer: Annotated[str, typer.Option("--reviewer", metavar="NAME", help="Who judged.")],
    date: Annotated[str, typer.Option("--date", help="The row's date, where its id is there on two.")] = "",
    note: Annotated[str, typer.Option("--note", help="Why.")] = "",
    output: Output = OUTPUT,
    sample: Sample = "latest",
) -> None:
    """Stores one verdict; a correction is simply the next one.

    Example: moderation audit verdicts add --output out --row t1_9 --label insult --verdict yes --reviewer anna
    """
    from moderation.audit.verdict import Verdict
    from moderation.audit.verdicts import append

    append(folder(output, sample), [Verdict(row, label, reviewer, verdict, date, note=note)])
    typer.echo("stored")


@app.command("import")
def import_verdicts(
    file: Annotated[Path, typer.Argument(help="A .parquet or .csv file, or a .json export of Label Studio.")],
    reviewer: Reviewer = None,
    output: Output = OUTPUT,
    sample: Sample = "latest",
) -> None:
    """Stores the verdicts of a file, all or none; those that are there already are not stored twice.

    Parquet and CSV need the columns row_id, label, verdict and reviewer (or --reviewer); date, time and note may be
    there.
    """
    from moderation.audit.verdict_files import importer
    from moderation.audit.verdicts import append

    found = list(importer(file)(folder(output, sample), file, reviewer))
    stored = append(folder(output, sample), found)
    typer.echo(f"{stored:,} verdicts stored, {len(found) - stored:,} were there already")


@app.command("export")
def export_verdicts(
    to: Annotated[Path, typer.Option("--to", help="A .parquet or .csv file of verdicts, or a .json file of tasks.")],
    reviewer: Annotated[
        str | None, typer.Option("--reviewer", metavar="NAME", help="Only the tasks that wait for this reviewer.")
    ] = None,
    blind: Annotated[bool, typer.Option("--blind", help="Tasks without the predicted labels.")] = False,
    with_verdicts: Annotated[bool, typer.Option("--with-verdicts", help="Tasks with all verdicts so far.")] = False,
    for_training: Annotated[
        bool, typer.Option("--for-training", help="What was settled, as 'moderation finetune' reads it.")
    ] = False,
    weights: Annotated[
        str | None, typer.Option("--weights", help="For training: both, design, votes or none (docs/browse.md).")
    ] = None,
    test: Annotated[
        float | None, typer.Option("--test", metavar="SHARE", help="For training: texts held out as split 'test'.")
    ] = None,
    output: Output = OUTPUT,
    sample: Sample = "latest",
) -> None:
    """Writes every verdict as Parquet or CSV, or the sample as Label Studio tasks (.json, and its configuration, .xml).

    --blind is the fair way to have a sample judged: a predicted label that is shown is a label that is confirmed.
    With --for-training the settled words become a column of 1, 0 or null for each label, with the texts and weights.
    """
    if for_training:
        if reviewer or blind or with_verdicts:
            raise UsageError("--for-training takes what all reviewers settled; it has no tasks")
        export_training(folder(output, sample), to, weights or "both", test or 0.0)
        return
    if weights or test is not None:
        raise UsageError("--weights and --test are of training data: say --for-training too")
    from moderation.audit.label_studio import write_tasks
    from moderation.audit.second import sample_rows
    from moderation.audit.verdict_files import check_suffix, write_table

    where = folder(output, sample)
    if check_suffix(to) != ".json":
        typer.echo(f"{write_table(where, to):,} verdicts in {to}")
        return
    config, count = write_tasks(where, to, sample_rows(where, reviewer), blind, with_verdicts)
    typer.echo(f"{count:,} tasks in {to}; their labelling configuration is {config}")


def export_training(where: "SampleFolder", to: Path, weights: str, test: float) -> None:
    """Writes training data, and says how it is learnt from."""
    from moderation.audit.training_rows import checked_weights, write_training

    found = write_training(where, to, checked_weights(weights), test)
    alike = f", weighted: as much as {found.effective:,.0f} alike" if round(found.effective) < found.rows else ""
    typer.echo(f"{found.rows:,} texts in {to}{alike}")
    for label, (yes, no) in found.labels.items():
        typer.echo(f"  {label}: {yes:,} yes, {no:,} no")
    both = [name for name, counts in found.labels.items() if all(counts)]
    named = ",".join(name if found.columns[name] == name else f"{name}={found.columns[name]}" for name in both)
    learn = f"moderation finetune --data {shlex.quote(str(to))} --labels {shlex.quote(named)} --output my-model"
    typer.echo(f"learn from them: {learn}" if both else "no label has both yes and no: too little to learn from yet")


@app.command()
def second(
    share: Annotated[float, typer.Option("--share", help="Share of the rows that two reviewers judge, 0 to 1.")],
    output: Output = OUTPUT,
    sample: Sample = "latest",
) -> None:
    """Sets which share of the rows a second reviewer judges too (a tenth, where nobody says otherwise)."""
    from moderation.audit.second import meant_for_two, set_second_share
    from moderation.audit.verdict_store import sampled_rows

    where = folder(output, sample)
    set_second_share(where, share)
    rows, seed = sampled_rows(where), where.read_design().seed
    both = sum(meant_for_two(row_id, date, seed, share) for row_id, date, _ in rows)
    typer.echo(f"{both:,} of {len(rows):,} rows are for two reviewers")


@app.command()
def agree(output: Output = OUTPUT, sample: Sample = "latest", as_json: Json = False) -> None:
    """Shows how far reviewers agree: Cohen's kappa of each pair, Fleiss' of three or more, for each label."""
    from dataclasses import asdict

    from moderation.audit.agreement import agreement, as_lines

    found = agreement(folder(output, sample))
    for line in [json.dumps([asdict(one) for one in found])] if as_json else as_lines(found):
        typer.echo(line)


@app.command()
def disagreements(output: Output = OUTPUT, sample: Sample = "latest", as_json: Json = False) -> None:
    """Lists the rows and labels on which as many said yes as no: they wait for another reviewer."""
    from moderation.audit.verdicts import disagreements

    found = disagreements(folder(output, sample))
    if as_json:
        typer.echo(json.dumps(found.to_dict("records"), ensure_ascii=False))
        return
    for row in found.itertuples():
        typer.echo(f"{row.date}  {row.row_id}  {row.label}: yes {row.yes}; no {row.no}")
    typer.echo(f"{len(found):,} wait for another reviewer" if len(found) else "nobody disagrees")


def folder(output: Path, sample: str) -> "SampleFolder":
    """The folder of the sample."""
    from moderation.audit.design import find_sample

    return find_sample(output, sample)
