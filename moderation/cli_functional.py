"""The command `functional`. Heavy imports stay inside it, so that --help answers at once."""

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from moderation.errors import UsageError

if TYPE_CHECKING:
    from moderation.evaluation.bias import TermFigures
    from moderation.evaluation.functional import Answer, Cases

app = typer.Typer()


@app.command()
def functional(
    model: Annotated[str, typer.Option("--model", help="'builtin' or a model folder.")] = "builtin",
    cases: Annotated[Path | None, typer.Option("--cases", help="YAML file of cases; our own if none.")] = None,
    identities: Annotated[
        Path | None, typer.Option("--identities", help="YAML file of terms and templates; our own if none.")
    ] = None,
    precision: Annotated[str, typer.Option("--precision", help="auto, fp32, bf16 or int8.")] = "fp32",
    show: Annotated[bool, typer.Option("--show", help="Print the texts with a wrong answer, too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Asks a model the functional cases and measures its bias towards identities.

    Prints the share of right answers per group and label, the ids of the cases answered wrong, and how often harmless
    sentences about different people are flagged. The texts are offensive: they are printed with --show alone.
    """
    from moderation.evaluation.bias import measure, read_identities
    from moderation.evaluation.functional import ask, read_cases
    from moderation.evaluation.suite import CASES, IDENTITIES
    from moderation.inference.engine import Engine
    from moderation.resources import functional as own

    asked = read_cases(cases or own() / CASES)
    people = read_identities(identities or own() / IDENTITIES)
    engine = Engine.load(model, precision)
    answers, terms = ask(engine, asked), measure(engine, people)
    if not answers or not terms:
        raise UsageError(f"model {model} has none of the judged labels; it has {', '.join(engine.spec.labels)}")
    absent = sorted(labels(asked) - set(engine.spec.labels))
    if as_json:
        typer.echo(json.dumps(as_mapping(answers, terms, absent, show), ensure_ascii=False))
        return
    print_tables(answers, terms)
    if absent:
        typer.echo(f"\nnot asked, since the model has no such label: {', '.join(absent)}")
    if show:
        print_failures(answers)


def labels(cases: "Cases") -> set[str]:
    """Every label that the cases judge."""
    return {label for group in cases.groups.values() for case in group.cases for label in group.wanted(case)}


def as_mapping(answers: "list[Answer]", terms: "list[TermFigures]", absent: list[str], show: bool) -> dict[str, Any]:
    """Everything that was found, as JSON has it; texts where they are to be shown."""
    from moderation.evaluation.bias import spreads
    from moderation.evaluation.functional import by_group, by_label, failures, figures

    hidden = () if show else ("text",)
    wrong = [asdict(answer) | {"score": finite(answer.score)} for answer in failures(answers)]
    return {
        "groups": [asdict(found) | {"rate": found.rate} for found in by_group(answers)],
        "labels": [asdict(found) | {"rate": found.rate} for found in by_label(answers)],
        "all": asdict(whole := figures("all", answers)) | {"rate": whole.rate},
        "failures": [{key: value for key, value in row.items() if key not in hidden} for row in wrong],
        "not_asked": absent,
        "bias": [asdict(found) | {"spread": found.spread} for found in spreads(terms)],
        "terms": [asdict(term) for term in terms],
    }


def finite(score: float) -> float | None:
    """A score as JSON has it: null where the text could not be scored."""
    return None if math.isnan(score) else round(score, 4)


def print_tables(answers: "list[Answer]", terms: "list[TermFigures]") -> None:
    """Prints the tables of the model card, and which cases were answered wrong."""
    from moderation.evaluation.sections import group_table, label_table, spread_table, term_table

    for text in (group_table(answers), label_table(answers), spread_table(terms), term_table(terms)):
        typer.echo(f"{text}\n")


def print_failures(answers: "list[Answer]") -> None:
    """Prints the wrong answers with their texts."""
    from moderation.evaluation.functional import failures

    for answer in failures(answers):
        what = "missed" if answer.wanted else "false alarm"
        typer.echo(f"{answer.case}: {what} of {answer.label} ({answer.score:.2f}): {answer.text}")
