"""The commands that make models; part of the `moderation` command. Heavy imports stay inside the commands."""

from pathlib import Path
from typing import Annotated

import typer

from moderation.errors import UsageError

app = typer.Typer()

Base = Annotated[str | None, typer.Option("--base", help="'minilm', an encoder folder, or a model folder.")]
Output = Annotated[Path, typer.Option("--output", help="Folder to write; it appears when all is done.")]
Epochs = Annotated[int | None, typer.Option("--epochs", help="Times that all rows are learnt from.")]
Rate = Annotated[float | None, typer.Option("--learning-rate", help="Of the encoder, at its highest.")]
Tokens = Annotated[int | None, typer.Option("--batch-tokens", help="Padded tokens of one batch.")]
Accumulate = Annotated[int | None, typer.Option("--accumulate", help="Batches that make one update.")]
TrainPrecision = Annotated[str | None, typer.Option("--precision", help="auto, bf16 or fp32.")]
Seed = Annotated[int | None, typer.Option("--seed", help="The same seed on the same machine: the same weights.")]
DeviceName = Annotated[str, typer.Option("--device", help="auto, cpu, cuda or cuda:<number>.")]
Threads = Annotated[int | None, typer.Option("--threads", help="CPU threads.")]
Seconds = Annotated[float, typer.Option("--checkpoint-seconds", help="Seconds between two checkpoints.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace a model that is at --output.")]


@app.command()
def finetune(
    recipe: Annotated[Path | None, typer.Option("--recipe", help="YAML recipe; --data is then a folder.")] = None,
    data: Annotated[Path, typer.Option("--data", help="Parquet file, or the folder of the recipe's files.")] = Path(),
    labels: Annotated[
        str | None, typer.Option("--labels", metavar="a,b", help="Columns of 0, 1 or null; 'label=column' renames.")
    ] = None,
    tokens: Annotated[Path | None, typer.Option("--tokens", help="Parquet file of sentences, beside texts.")] = None,
    entity_types: Annotated[
        str | None, typer.Option("--entity-types", metavar="A,B", help="Those to learn; all in the tags where none.")
    ] = None,
    weight: Annotated[
        str | None,
        typer.Option("--weight", metavar="COLUMN", help="How much a row counts; 'weight' if there, 'none' for none."),
    ] = None,
    dev: Annotated[Path | None, typer.Option("--dev", help="Parquet file of held-out rows, like --data.")] = None,
    dev_share: Annotated[float, typer.Option("--dev-share", help="Share of the texts that is held out.")] = 0.1,
    base: Base = None,
    output: Output = Path("model"),
    epochs: Epochs = None,
    learning_rate: Rate = None,
    max_tokens: Annotated[int | None, typer.Option("--max-tokens", help="Tokens of the model's window.")] = None,
    batch_tokens: Tokens = None,
    accumulate: Accumulate = None,
    precision: TrainPrecision = None,
    imbalance: Annotated[str | None, typer.Option("--imbalance", help="none, balanced or sqrt.")] = None,
    patience: Annotated[
        int | None, typer.Option("--patience", help="Stop after so many epochs without a better dev metric.")
    ] = None,
    teacher: Annotated[str | None, typer.Option("--teacher", help="Model folder to distil from.")] = None,
    seed: Seed = None,
    device: DeviceName = "auto",
    threads: Threads = None,
    checkpoint_seconds: Seconds = 300,
    overwrite: Overwrite = False,
) -> None:
    """Fine-tunes a multi-task BERT, calibrates it, measures it, and writes a model folder that `moderation run` takes.

    Data is Parquet: `text` (string), a column of 0, 1 or null (not judged) for each label and maybe a `weight`; or
    `tokens` (list of strings) and `tags` (as many BIO tags); either may have a `split` column of train and dev. Other
    columns are not read, but `source` and `license` go into the model card.

      moderation finetune --data train.parquet --labels insult,threat --output my-model

      moderation finetune --data ner.parquet --output my-model

      moderation finetune --data train.parquet --labels insult --tokens ner.parquet --output my-model

      moderation finetune --recipe recipe.yaml --data FOLDER --output my-model

    A recipe (YAML) takes any number of sources and all settings, docs/training.md lists them; with neither --recipe
    nor a file as --data it is the built-in model's. A run that was stopped or killed goes on when the same command is
    given again.
    """
    from moderation.training.make import BUILTIN, make_model
    from moderation.training.options import Options
    from moderation.training.recipe import read_recipe
    from moderation.training.simple import changed, recipe_of

    changes = {
        "base": base,
        "epochs": epochs,
        "learning_rate": learning_rate,
        "max_tokens": max_tokens,
        "overlap": min(64, max_tokens // 4) if max_tokens else None,
        "batch_tokens": batch_tokens,
        "accumulate": accumulate,
        "precision": precision,
        "imbalance": imbalance,
        "early_stopping": {"patience": patience} if patience is not None else None,
        "teacher": teacher,
        "seed": seed,
    }
    options = Options(device, threads, checkpoint_seconds, overwrite)
    if recipe is None and (labels or tokens or dev or entity_types or data.is_file()):
        read = recipe_of(data, labels, tokens, entity_types, dev, dev_share, changes, weight or "weight")
        make_model(read, Path(), output, None, options)
        return
    if labels or tokens or dev or entity_types or weight:
        raise UsageError("--recipe names labels, tokens, entity types, weights and dev files itself")
    make_model(changed(read_recipe(recipe or BUILTIN), changes), data, output, None, options)


@app.command()
def adapt(
    data: Annotated[Path, typer.Option("--data", help="Parquet file of unlabelled text.")],
    output: Output,
    base: Base = "minilm",
    text: Annotated[str, typer.Option("--text", help="The column of texts.")] = "body",
    max_rows: Annotated[
        int | None, typer.Option("--max-rows", help="So many texts at most, drawn by the seed.")
    ] = None,
    steps: Annotated[int | None, typer.Option("--steps", help="Updates, in place of --epochs.")] = None,
    epochs: Epochs = None,
    max_tokens: Annotated[int | None, typer.Option("--max-tokens", help="Longer texts are taken in pieces.")] = None,
    learning_rate: Rate = None,
    batch_tokens: Tokens = None,
    accumulate: Accumulate = None,
    precision: TrainPrecision = None,
    seed: Seed = None,
    device: DeviceName = "auto",
    threads: Threads = None,
    checkpoint_seconds: Seconds = 300,
    overwrite: Overwrite = False,
) -> None:
    """Adapts a base encoder to a community's text before fine-tuning, by masked-language-model training.

    Needs no labels: any Parquet file with a column of texts. Writes an encoder folder for `moderation finetune --base`
    and says how well masked words of held-out texts are guessed before and after.

      moderation adapt --data comments.parquet --text body --steps 1000 --output adapted
    """
    from moderation.settings import parse
    from moderation.training.make import adapt_base
    from moderation.training.options import Options
    from moderation.training.recipe import Adaptation

    given = {
        "file": str(data),
        "text": text,
        "max_rows": max_rows,
        "steps": steps,
        "epochs": epochs,
        "max_tokens": max_tokens,
        "learning_rate": learning_rate,
        "batch_tokens": batch_tokens,
        "accumulate": accumulate,
        "precision": precision,
        "seed": seed,
    }
    plan = parse({key: value for key, value in given.items() if value is not None}, Adaptation, "command line")
    adapt_base(base or "minilm", plan, output, None, Options(device, threads, checkpoint_seconds, overwrite))
