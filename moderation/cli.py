"""The `moderation` command. Heavy imports stay inside the commands, so that --help answers at once."""

import errno
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from moderation import (
    cli_audit,
    cli_decide,
    cli_evaluation,
    cli_functional,
    cli_ingest,
    cli_models,
    cli_publish,
    cli_review,
    cli_runs,
    cli_training,
)
from moderation.errors import GateRefused, Interrupted, UsageError
from moderation.runs.until import Until

if TYPE_CHECKING:
    from moderation.config import Config

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="""Score text dumps with BERT, let Great Expectations decide, publish what passed.

    Two things to try first:

      moderation score "You are a pathetic idiot, go back to Paris"

      moderation run --input comments.parquet --output out

    Settings come from defaults, then --config FILE (YAML), then MODERATION_* variables, then options;
    `moderation config` prints what they resolve to. Exit codes: 0 done, 2 your mistake (one line says which),
    3 validation refused to publish, 1 anything else; a retry is safe after any of them. `audit verify` and
    `audit replay` exit with 1 where something is not as it was published.""",
)
app.add_typer(cli_ingest.app)
app.add_typer(cli_decide.app)
app.add_typer(cli_training.app)
app.add_typer(cli_functional.app)
app.add_typer(cli_models.app)
app.add_typer(cli_evaluation.app)
app.add_typer(cli_runs.app)
app.add_typer(cli_audit.app)
app.add_typer(cli_publish.app)
app.add_typer(cli_review.app)

Input = Annotated[
    list[Path] | None,
    typer.Option("--input", readable=False, help="Parquet file or folder; may be given more than once."),  # we say it
]
Output = Annotated[Path | None, typer.Option("--output", help="Folder of labelled/, quarantine/ and runs/.")]
ConfigFile = Annotated[Path | None, typer.Option("--config", help="YAML file of settings.")]
Date = Annotated[
    str | None,
    typer.Option("--date", metavar="YYYY-MM-DD", help="Only this UTC day; the day of all rows without timestamps."),
]
Models = Annotated[
    list[str] | None,
    typer.Option("--model", help="'builtin' or where else a model is; may be given more than once."),
]
PolicyFile = Annotated[str | None, typer.Option("--policy", help="'default' or a YAML file of thresholds and rules.")]
Precision = Annotated[
    str | None, typer.Option("--precision", help="auto (bf16 where the hardware has it), fp32, bf16 or int8.")
]
DeviceName = Annotated[str | None, typer.Option("--device", help="auto, cpu, cuda or cuda:<number>.")]
Price = Annotated[
    float | None,
    typer.Option("--price-per-hour", help="What the machines cost: the report then prices a million comments."),
]
AcceptShift = Annotated[
    str | None,
    typer.Option(
        "--accept-shift", metavar="WHY", help="Publish though shares left their bands; says why, in the manifest."
    ),
]
Tag = Annotated[str | None, typer.Option("--tag", help="A name of your own, by which the run is found again.")]

Privacy = Annotated[
    str | None,
    typer.Option("--privacy", metavar="OPTIONS", help="drop_author or hash_author, mask_pii: docs/privacy.md."),
]
Format = Annotated[
    str | None, typer.Option("--format", help="How to publish: parquet (default) or delta (needs the extra 'delta').")
]


def print_version(wanted: bool) -> None:
    """Prints the package's version and the interpreter's, and ends."""
    if wanted:
        from moderation.runs.manifest import versions

        found = versions()
        typer.echo(f"moderation {found['moderation-batch']} (Python {found['python']}, {sys.executable})")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None: ...


@app.command()
def run(
    input: Input = None,
    output: Output = None,
    config: ConfigFile = None,
    date: Date = None,
    models: Models = None,
    policy: PolicyFile = None,
    precision: Precision = None,
    device: DeviceName = None,
    price_per_hour: Price = None,
    accept_shift: AcceptShift = None,
    force: Annotated[bool, typer.Option("--force", help="Also where the very result stands there already.")] = False,
    format: Format = None,
    privacy: Privacy = None,
    tag: Tag = None,
    until: Annotated[
        Until, typer.Option("--until", help="score: fill the score store only; validate: leave `moderation publish`.")
    ] = Until.PUBLISH,
) -> None:
    """Scores a Parquet dump inside Spark, validates the result and publishes it.

    The dump needs an id and a text column (`columns:` in the config maps other names); all other columns are carried
    through. The result is OUTPUT/labelled/date=.../, broken rows with their reasons are in OUTPUT/quarantine/, and
    OUTPUT/runs/RUN_ID/ holds the manifest and the Data Docs. Running the same input again replaces what it published.

    OUTPUT/scores/ keeps the scores: the same command goes on where a run died, scores only what is new, and does
    nothing where nothing is new. docs/runs.md says what is done again when.
    """
    settings = resolved(**{name: value for name, value in locals().items() if name not in ("force", "until")})
    from moderation.pipeline import moderate
    from moderation.runs.run import log_to_stderr
    from moderation.runs.summary import print_end, print_summary

    log_to_stderr()
    manifest = moderate(settings, force, until)
    if until is Until.PUBLISH:
        print_summary(manifest, settings.output)
    else:
        print_end(manifest, settings.output)


@app.command()
def score(
    text: Annotated[
        list[str] | None, typer.Argument(help="Texts to score; standard input where none is given.")
    ] = None,
    file: Annotated[Path | None, typer.Option("--file", help="Score each line of this file.")] = None,
    models: Models = None,
    precision: Precision = "auto",
    device: DeviceName = "auto",
) -> None:
    """Prints one JSON line per text: status, scores, labels, entities.

    Example: moderation score "You are a pathetic idiot, go back to Paris" | jq .labels
    """
    import moderation
    from moderation.inference.devices import Device

    texts = text_lines(text, file)
    moderator = moderation.load(models or "builtin", precision or "auto", Device(device or "auto"))
    for block in blocks(texts, 1000):
        for body, result in zip(block, moderator.score(block), strict=True):
            typer.echo(json.dumps({"text": body, **result.as_dict()}, ensure_ascii=False))


@app.command()
def config(
    input: Input = None,
    output: Output = None,
    config: ConfigFile = None,
    date: Date = None,
    models: Models = None,
    policy: PolicyFile = None,
    precision: Precision = None,
    device: DeviceName = None,
    price_per_hour: Price = None,
    format: Format = None,
    privacy: Privacy = None,
) -> None:
    """Prints the resolved configuration as YAML; it can be saved and given back with --config."""
    settings = resolved(**locals())
    import yaml

    typer.echo(yaml.safe_dump(settings.model_dump(mode="json"), sort_keys=False).rstrip())


@app.command()
def demo(
    folder: Annotated[Path, typer.Argument(help="Where the sample dump and the result go.")] = Path("demo"),
    rows: Annotated[int, typer.Option(min=100, help="Comments to generate.")] = 3000,
) -> None:
    """Generates the sample dump, runs the main job on it, and shows what was flagged."""
    from moderation.demo import run_demo
    from moderation.runs.run import log_to_stderr

    log_to_stderr()
    run_demo(folder, rows)


@app.command()
def bench(
    texts: Annotated[int, typer.Option(min=1, help="Texts that every peer scores.")] = 2000,
    rounds: Annotated[int, typer.Option(min=1, help="Times that every peer scores them, in turns.")] = 3,
    agreement: Annotated[int, typer.Option(min=0, help="Texts on which fp32, bf16 and int8 are compared.")] = 20_000,
    rows: Annotated[int, typer.Option(min=0, help="Rows of the Spark job; 0 leaves it out.")] = 20_000,
    no_spark: Annotated[bool, typer.Option("--no-spark", help="The same as --rows 0.")] = False,
    data: Annotated[Path | None, typer.Option("--data", help="Parquet file with a body column.")] = None,
    generated: Annotated[bool, typer.Option("--generated", help="Made-up texts with Reddit's lengths.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")] = False,
    picture: Annotated[Path | None, typer.Option("--picture", help="SVG file to draw the speeds into.")] = None,
) -> None:
    """Measures the engine beside Detoxify, transformers' pipeline and onnxruntime, and the Spark job beside the engine.

    Needs the extra `bench`. Equal answers first, then speed, peers taking turns. With one round it took ten minutes on
    two cores.
    """
    from moderation.bench.report import check_picture, show, write_picture
    from moderation.bench.run import Options, bench

    check_picture(picture)
    result = bench(Options(texts, rounds, 0 if no_spark else rows, agreement, data, generated))
    show(result)
    if picture:
        write_picture(result, picture)
    if as_json:
        typer.echo(json.dumps(result, allow_nan=False))


def resolved(config: Path | None, input: list[Path] | None, models: list[str] | None, **options: Any) -> "Config":
    """The settings of a command that takes the options of the main job, each by its own name."""
    from moderation.config import load_config

    publish = {"format": kind} if (kind := options.pop("format", None)) else None
    return load_config(config, input=input or None, models=models or None, publish=publish, **options)


def text_lines(texts: list[str] | None, file: Path | None) -> Iterator[str]:
    """The texts of the command line, of a file, or of standard input, one per line."""
    if texts and file:
        raise UsageError("give texts or --file, not both")
    if texts:
        return iter(texts)
    if file is None:
        return (line.rstrip("\r\n") for line in sys.stdin)
    try:
        return iter(file.read_text(encoding="utf-8", errors="replace").splitlines())
    except OSError as error:
        raise UsageError(f"--file {file}: cannot be read ({error.strerror})") from error


def blocks(texts: Iterator[str], size: int) -> Iterator[list[str]]:
    """Lists of at most `size` texts."""
    block: list[str] = []
    for text in texts:
        block.append(text)
        if len(block) == size:
            yield block
            block = []
    if block:
        yield block


def exit_code(function: Callable[[], Any]) -> int:
    """Calls a command; a mistake of the caller's or a refusal is one message on standard error, and its exit code."""
    try:
        function()
    except (UsageError, GateRefused, Interrupted) as error:
        typer.echo(f"moderation: {error}", err=True)
        return error.exit_code
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        typer.echo(f"moderation: {error.filename or 'a disk'}: {error.strerror}; make room and run again", err=True)
        return UsageError.exit_code
    return 0


def main() -> None:
    """Runs the command line."""
    sys.exit(exit_code(lambda: app(prog_name="moderation")))
