"""One entry of `models:` in the config: which model, and what is to be another way than its folder says."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from moderation.models.spec import Probability


class ModelEntry(BaseModel):
    """A model of the run; in YAML its source alone, or a mapping of these keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    source: Annotated[str, Field(min_length=1, description="'builtin', a model folder, or where else to get it")]
    digest: Annotated[str | None, Field(description="refuse the model unless its digest is this or begins so")] = None
    calibration: Annotated[Path | None, Field(description="what 'moderation calibrate' has written for it")] = None
    taxonomy: Annotated[str | None, Field(description="known names for its labels: a taxonomy that ships")] = None
    labels: Annotated[dict[str, str | None], Field(description="new names by old ones; null drops the label")] = {}
    entities: Annotated[dict[str, str | None], Field(description="the same for its entity types")] = {}
    thresholds: Annotated[
        dict[str, Probability], Field(description="probability from which a label, by its new name, is given")
    ] = {}

    @model_validator(mode="before")
    @classmethod
    def from_a_name(cls, value: object) -> object:
        """A name alone is a source."""
        if isinstance(value, str | Path):
            return {"source": str(value)}
        if not isinstance(value, Mapping | ModelEntry):
            raise ValueError("a model is a name, or a mapping with the key 'source'")
        return value

    @model_serializer(mode="wrap")
    def as_short_as_it_was(self, handler: SerializerFunctionWrapHandler) -> str | dict[str, Any]:
        """Only what says something, and a source alone as a name."""
        said = {name: value for name, value in handler(self).items() if value not in (None, {})}
        return self.source if list(said) == ["source"] else said
