"""A recipe from the command line: one file of texts, one of sentences, or both."""

from pathlib import Path
from typing import Any

from moderation.errors import UsageError
from moderation.settings import parse
from moderation.training.recipe import Recipe
from moderation.training.schema import read_columns, with_tags


def recipe_of(
    data: Path,
    labels: str | None,
    tokens: Path | None,
    entity_types: str | None,
    dev: Path | None,
    dev_share: float,
    changes: dict[str, Any],
    weight: str = "weight",
) -> Recipe:
    """The recipe that learns `labels` (`name` or `name=column`, comma between) from `data`, and the entity types of
    `tokens`. Where there are no labels, `data` is the file of sentences. All labels are calibrated on the dev rows.
    Rows count by the column `weight` where there is one; 'none' has them all count alike.
    """
    if not data.is_file():
        raise UsageError(f"--data {data}: no such file; with --recipe it is the folder that the recipe's files are in")
    columns = pairs(labels) if labels else {}
    if not columns and tokens is not None:
        raise UsageError("--tokens beside --data needs --labels; for entities alone give the sentences as --data")
    held = {"dev": str(dev) if dev else None, "dev_share": dev_share}
    weights = {"weight": None if weight == "none" else weight}
    if columns and weight not in ("weight", "none"):
        read_columns(data, [weight], [])  # a column that was named has to be there
    texts = [{"file": str(data), "labels": columns, **held, **weights}] if columns else []
    sentences = tokens if columns else data
    types = names(entity_types) if entity_types else types_of(sentences) if sentences else []
    beside = {"dev_share": dev_share} if columns else held
    content: dict[str, Any] = {
        "labels": list(columns),
        "entity_types": types,
        "texts": texts,
        "tokens": [{"file": str(sentences), "types": types, **beside}] if sentences else [],
        "calibration": texts,
    }
    return changed(parse(content, Recipe, "command line"), changes)


def changed(recipe: Recipe, changes: dict[str, Any]) -> Recipe:
    """The recipe with the keys that are given; None leaves a key as it is."""
    given = {key: value for key, value in changes.items() if value is not None}
    return parse(recipe.model_dump() | given, Recipe, "command line") if given else recipe


def pairs(labels: str) -> dict[str, str]:
    """Label → column of `a,b=column`."""
    found: dict[str, str] = {}
    for name in names(labels):
        label, _, column = name.partition("=")
        if label in found:
            raise UsageError(f"--labels {labels}: '{label}' stands twice")
        found[label] = column or label
    return found


def names(given: str) -> list[str]:
    """The names between commas."""
    return [name.strip() for name in given.split(",") if name.strip()]


def types_of(path: Path) -> list[str]:
    """The entity types of a file of sentences, in alphabetical order."""
    rows = with_tags(read_columns(path, ["tokens", "tags"], []), path)
    return sorted({tag[2:] for row in rows["tags"] for tag in row if tag != "O"})
