"""Where the functional cases and the bias templates are: a folder of two files."""

from dataclasses import dataclass
from pathlib import Path

from moderation import resources
from moderation.errors import UsageError
from moderation.evaluation.bias import Identities, read_identities
from moderation.evaluation.functional import Cases, read_cases

CASES, IDENTITIES = "cases.yaml", "identities.yaml"


@dataclass(frozen=True)
class Suite:
    """What a folder holds."""

    folder: Path
    cases: Cases
    identities: Identities


def read_suite(name: str, recipe: Path | None = None) -> Suite:
    """Reads the project's own (`builtin`) or a folder, sought beside the recipe and then here.

    Raises `UsageError` where there is no such folder, and where a file lacks or is not well formed.
    """
    places = [resources.functional()] if name == "builtin" else [Path(name)]
    if recipe and name != "builtin":
        places.insert(0, recipe.parent / name)
    folder = next((place for place in places if place.is_dir()), None)
    if folder is None:
        raise UsageError(f"functional: '{name}' is neither 'builtin' nor a folder")
    return Suite(folder.resolve(), read_cases(folder / CASES), read_identities(folder / IDENTITIES))
