"""`moderation models`: which models there are, what they say of themselves, bringing others in, checking them."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from moderation.models.load import ModelSource

app = typer.Typer(name="models", no_args_is_help=True, help="Lists, shows, imports and verifies models.")

Model = Annotated[
    str,
    typer.Argument(metavar="MODEL", help="'builtin', a folder, a hub id NAME/MODEL@COMMIT, detoxify:NAME or a .ckpt."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_models(as_json: Json = False) -> None:
    """Lists the built-in model and those imported into the cache: digest, size, labels, entity types, source."""
    from moderation.models.describe import brief, models

    rows = [brief(source) for source in models()]
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False))
        return
    for row in rows:
        names = ", ".join(row["labels"] + row["entity_types"])
        typer.echo(f"{row['model_id']}  {megabytes(row['bytes'])}  {row['source']}  {names}")


@app.command()
def show(model: Model, as_json: Json = False) -> None:
    """Shows all that a model says of itself: architecture, sizes, labels, thresholds, calibration, origin.

    Example: moderation models show builtin --json | jq .spec.thresholds
    """
    from moderation.models.describe import full
    from moderation.models.load import find_model

    found = full(find_model(model))
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    for line in lines(found):
        typer.echo(line)


@app.command("import")
def import_model(
    source: Annotated[
        str,
        typer.Argument(help="A Detoxify .ckpt, a folder in transformers' layout, a hub id or detoxify:NAME."),
    ],
    output: Annotated[Path, typer.Option("--output", help="Model folder to write; must not exist, or be empty.")],
    base: Annotated[
        Path | None, typer.Option("--base", help="Folder of the config and tokenizer that a .ckpt lacks.")
    ] = None,
) -> None:
    """Writes any model as a folder with weights in safetensors, one tokenizer and a spec; prints its digest.

    Pickled weights are read without running what they may hold; a pickle that needs to run anything is refused.

    Example: moderation models import toxic_original-c1212f89.ckpt --output toxic
    """
    from moderation.models.export import import_model

    print_found(import_model(source, output, base))


@app.command()
def verify(
    model: Model,
    digest: Annotated[str | None, typer.Option("--digest", help="What its digest must be, or begin with.")] = None,
) -> None:
    """Checks that a model is whole: its digest, every weight in its place and finite, token ids within the encoder.

    Exit code 2 with the reason where it is not.
    """
    from moderation.models.verify import verify

    print_found(verify(model, digest))


def print_found(source: "ModelSource") -> None:
    """A line for a model that is as it should be."""
    spec = source.spec
    typer.echo(
        f"{source.model_id}  {source.folder}  {source.architecture}  {', '.join(spec.labels + spec.entity_types)}"
    )


def megabytes(size: int) -> str:
    """A size for people."""
    return f"{size / 1e6:.0f} MB"


def lines(content: dict[str, Any], indent: str = "") -> list[str]:
    """Nested values as indented lines; lists of plain values on one."""
    found = []
    for name, value in content.items():
        if isinstance(value, dict) and value:
            found += [f"{indent}{name}:", *lines(value, indent + "  ")]
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            found += [f"{indent}{name}:", *[f"{indent}  {json.dumps(row, ensure_ascii=False)}" for row in value]]
        else:
            found.append(f"{indent}{name}: {plain(value)}")
    return found


def plain(value: object) -> str:
    """A value on one line."""
    if isinstance(value, list | tuple):
        return ", ".join("-" if one is None else str(one) for one in value) or "-"
    return "-" if value is None or value == {} else str(value)
