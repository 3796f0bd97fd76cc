"""The commands that make models; part of the `moderation` command. Heavy imports stay inside the commands."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()


@app.command()
def finetune(
    recipe: Annotated[
        Path | None, typer.Option("--recipe", help="YAML recipe; the built-in model's where none.")
    ] = None,
    data: Annotated[Path, typer.Option("--data", help="Folder that the recipe's files are in.")] = Path(),
    output: Annotated[Path, typer.Option("--output", help="Model folder to write.")] = Path("model"),
) -> None:
    """Fine-tunes a multi-task BERT by a recipe, calibrates it, measures it, and writes a model folder.

    `moderation run --model FOLDER` takes the folder as it is. The recipe names the base, the data (Parquet with `text`
    and label columns, or `tokens` and BIO `tags`) and which labels each source judged.
    """
    from moderation.training.make import make_model

    make_model(recipe, data, output)
