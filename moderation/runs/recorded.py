"""What a run's manifest recorded, enough to decide anew: the models' names for things, and the input files."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlparse

from moderation.errors import UsageError

if TYPE_CHECKING:
    from moderation.config import Columns
    from moderation.runs.digests import Digests
    from moderation.runs.inputs import InputFile


@dataclass(frozen=True)
class RecordedPanel:
    """The labels of models that need not be there any more, as the manifest of their run has them."""

    said: dict[str, Any]

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of all models."""
        return tuple(label for model in self.said["models"] for label in model["labels"])

    @property
    def entity_types(self) -> tuple[str, ...]:
        """The entity types of all models, each once."""
        return tuple(dict.fromkeys(name for model in self.said["models"] for name in model["entity_types"]))

    @property
    def thresholds(self) -> Mapping[str, float]:
        """The probability from which each label is given."""
        return {label: limit for model in self.said["models"] for label, limit in model["thresholds"].items()}

    def describe(self) -> dict[str, Any]:
        """What the manifest says of the models."""
        return self.said


def recorded_inputs(
    entries: list[dict[str, Any]], columns: "Columns", digests: "Digests", run_id: str
) -> list["InputFile"]:
    """A manifest's inputs, if they are as they were; raises `UsageError` for one that is gone or changed."""
    from moderation.runs.inputs import describe

    found = []
    for entry in entries:
        path, root = local(entry["uri"]), local(entry["root"])
        if not path.is_file():
            raise UsageError(f"input {path}: is not there any more, and run {run_id} had it")
        file = describe(path, root, columns, digests)
        if file.sha256 != entry["sha256"]:
            raise UsageError(f"input {path}: changed since run {run_id}: 'moderation run' scores what is new in it")
        found.append(file)
    return found


def local(uri: str) -> Path:
    """The path of a file's URI."""
    return Path(unquote(urlparse(uri).path))
