"""YAML files into typed models, with errors a person can act on."""

from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from moderation.errors import UsageError

Model = TypeVar("Model", bound=BaseModel)


def explain(error: ValidationError, where: str) -> UsageError:
    """One line for the first mistake in a file or command line: the key, the value where it is short, the rule."""
    first = first_mistake(error)
    key = one_line(".".join(str(part) for part in first["loc"])) or "(top level)"
    if first["type"] == "extra_forbidden":
        return UsageError(f"{where}: unknown key '{key}'")
    given = repr(first["input"])
    shown = f", not {given}" if first["type"] != "missing" and len(given) <= 60 else ""
    message = first["msg"].removeprefix("Value error, ")
    return UsageError(f"{where}: {key}: {message[0].lower()}{message[1:]}{shown}")


def first_mistake(error: ValidationError) -> ErrorDetails:
    """The first unknown key, as what is missing is often its right spelling, else the first mistake."""
    found = error.errors()
    return next((one for one in found if one["type"] == "extra_forbidden"), found[0])


def one_line(text: str) -> str:
    """Text with every run of white space as one space."""
    return " ".join(text.split())


def read_yaml(path: Path, model: type[Model]) -> Model:
    """Reads a YAML file into a typed model; raises `UsageError` that names the file, the key and the rule."""
    return parse(load_mapping(path), model, str(path))


def parse(content: dict[str, object], model: type[Model], where: str) -> Model:
    """Validates a mapping; `where` names its origin in the error."""
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise explain(error, where) from error


def load_mapping(path: Path) -> dict[str, object]:
    """Reads a YAML file that must hold a mapping (an empty file is an empty one)."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UsageError(f"{path}: no such file") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read ({error})") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # a day that does not exist is a ValueError
        raise UsageError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from error
    content = {} if content is None else content
    if not isinstance(content, dict):
        raise UsageError(f"{path}: must hold 'key: value' lines at its top level")
    if odd := [key for key in content if not isinstance(key, str)]:
        raise UsageError(f"{path}: unknown key {odd[0]!r}")
    return content
