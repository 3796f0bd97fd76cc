"""What a run's manifest recorded, enough to decide anew: the models' names for things, and the input files."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


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
