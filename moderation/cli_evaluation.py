"""The commands that judge models; part of the `moderation` command. Heavy imports stay inside the commands."""

import json
from pathlib import Path
from typing import Annotated

import typer

from moderation.errors import UsageError

app = typer.Typer()

Model = Annotated[str, typer.Option("--model", help="'builtin' or a model folder.")]
DataFile = Annotated[Path, typer.Option("--data", help="Parquet file of labelled rows.")]
Split = Annotated[str | None, typer.Option("--split", help="Only rows with this value in the column split.")]
Where = Annotated[
    list[str] | None,
    typer.Option("--where", metavar="COLUMN=VALUE", help="Only such rows; several values of a column are any of them."),
]
Columns = Annotated[
    list[str] | None,
    typer.Option("--label-column", metavar="LABEL=COLUMN", help="The column that a label was judged in."),
]
Text = Annotated[str, typer.Option("--text", help="The column that holds the text.")]
Limit = Annotated[int | None, typer.Option("--limit", min=1, help="At most so many rows, drawn at random.")]
Precision = Annotated[
    str, typer.Option("--precision", help="auto (bf16 where the hardware has it), fp32, bf16 or int8.")
]
DeviceName = Annotated[str, typer.Option("--device", help="auto, cpu, cuda or cuda:<number>.")]


@app.command()
def evaluate(
    data: DataFile,
    model: Model = "builtin",
    split: Split = None,
    by: Annotated[str | None, typer.Option("--by", metavar="COLUMN", help="Figures for each value, too.")] = None,
    types: Annotated[
        str | None, typer.Option("--types", metavar="A,B", help="Entity types that the data annotates.")
    ] = None,
    where: Where = None,
    label_column: Columns = None,
    text: Text = "text",
    limit: Limit = None,
    precision: Precision = "auto",
    device: DeviceName = "auto",
    calibration: Annotated[
        Path | None, typer.Option("--calibration", help="JSON file of `moderation calibrate`, in place of the model's.")
    ] = None,
    picture: Annotated[Path | None, typer.Option("--picture", help="SVG file for reliability and curves.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")] = False,
) -> None:
    """Measures a model on labelled rows: ranking, decisions, calibration, entities, each with a 95% interval.

    The data is Parquet with a text column and columns of 0, 1 or null (not judged) named like the model's labels, or
    with `tokens` and BIO `tags`, or with both. Example:

      moderation evaluate --data judged.parquet --split dev --by subreddit --picture curves.svg
    """
    from moderation.evaluation.data import Choice, read_data
    from moderation.evaluation.evaluate import evaluate as measure
    from moderation.evaluation.picture import check_picture, draw
    from moderation.evaluation.show import show
    from moderation.inference.devices import Device
    from moderation.inference.engine import Engine
    from moderation.models.artefact import with_calibration
    from moderation.models.load import find_model

    check_picture(picture)
    source = find_model(model)
    source = with_calibration(source, calibration) if calibration else source
    choice = Choice(text, columns_of(label_column), split, conditions(where), by, limit)
    found = read_data(data, source.spec.labels, choice, spans=bool(source.spec.entity_types))
    engine = Engine(source, precision, Device(device), entities=found.sentences is not None)
    report = measure(engine, found, by, types.split(",") if types else None)
    show(report)
    if picture:
        picture.write_text(draw(report.labels, f"{model} on {data.name}"), encoding="utf-8")
    if as_json:
        typer.echo(json.dumps(report.as_dict(), allow_nan=False))


@app.command()
def calibrate(
    data: DataFile,
    model: Model = "builtin",
    output: Annotated[Path | None, typer.Option("--output", help="JSON file to write the calibration into.")] = None,
    output_model: Annotated[
        Path | None, typer.Option("--output-model", help="Folder to write instead: the model, calibrated so.")
    ] = None,
    method: Annotated[str, typer.Option("--method", help="auto, platt, temperature or isotonic.")] = "auto",
    threshold: Annotated[
        str, typer.Option("--threshold", help="f1, macro-f1, balanced, precision=P or cost=MISS:ALARM.")
    ] = "macro-f1",
    label: Annotated[list[str] | None, typer.Option("--label", help="Only these labels; may be repeated.")] = None,
    base_rate: Annotated[
        list[str] | None,
        typer.Option("--base-rate", metavar="LABEL=SHARE", help="Positives in nature, if the rows were drawn richer."),
    ] = None,
    split: Split = None,
    where: Where = None,
    label_column: Columns = None,
    text: Text = "text",
    limit: Limit = None,
    precision: Precision = "fp32",
    device: DeviceName = "auto",
) -> None:
    """Fits calibrations and thresholds to labelled rows, so that a score of 0.8 means 80% of such rows.

    The data is that of `moderation evaluate`. All figures that are printed are of rows that the fit has not seen
    (5-fold cross-validation). Example:

      moderation calibrate --data judged.parquet --split dev --threshold precision=0.9 --output mine.json
    """
    from moderation.evaluation.data import Choice
    from moderation.evaluation.show import show_artefact
    from moderation.evaluation.thresholds import Criterion
    from moderation.inference.devices import Device
    from moderation.models.load import find_model
    from moderation.training.recalibrate import Wish, check_targets, make_artefact, write_artefact, write_model
    from moderation.training.recipe import method_named

    check_targets(output, output_model)
    criterion, rates = Criterion.parse(threshold), shares(base_rate)
    wish = Wish(label or (), method_named(method), criterion, rates, precision, Device(device))
    choice = Choice(text, columns_of(label_column), split, conditions(where), None, limit)
    source = find_model(model)
    artefact = make_artefact(source, data, choice, wish, typer.echo)
    show_artefact(artefact)
    if output:
        write_artefact(artefact, output)
    elif output_model:
        write_model(source, artefact, output_model)
    typer.echo(f"written to {output or output_model}")


def shares(given: list[str] | None) -> dict[str, float]:
    """`label=share` options as a mapping; raises `UsageError` where a share is none."""
    found = {}
    for text in given or ():
        label, value = pair("--base-rate", "LABEL=SHARE", text)
        try:
            found[label] = float(value)
        except ValueError:
            found[label] = 0.0
        if not 0 < found[label] < 1:
            raise UsageError(f"--base-rate '{text}': a share is a number above 0 and below 1")
    return found


def columns_of(given: list[str] | None) -> dict[str, str]:
    """`label=column` options as a mapping."""
    pairs = [pair("--label-column", "LABEL=COLUMN", text) for text in given or ()]
    return dict(pairs)


def conditions(given: list[str] | None) -> dict[str, list[str]]:
    """`column=value` options as a mapping of column → values."""
    found: dict[str, list[str]] = {}
    for text in given or ():
        column, value = pair("--where", "COLUMN=VALUE", text)
        found.setdefault(column, []).append(value)
    return found


def pair(option: str, form: str, text: str) -> tuple[str, str]:
    """The two sides of an option's value; raises `UsageError` where it has no two sides."""
    left, sign, right = text.partition("=")
    if not (left and sign and right):
        raise UsageError(f"{option} '{text}' is not {form}")
    return left, right
