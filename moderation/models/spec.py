"""What a model folder says of itself: labels, entity types, window, thresholds and calibration."""

import json
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from moderation.errors import UsageError
from moderation.models.calibration import Calibration, Calibrator

Probability = Annotated[float, Field(ge=0, le=1)]
SECTION = "moderation"  # the key in the model folder's config.json, beside transformers' own


class ModelSpec(BaseModel):
    """The `moderation` section of a model folder's config.json."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    labels: tuple[str, ...]
    entity_types: tuple[str, ...] = ()
    max_tokens: int = Field(256, ge=16, description="tokens of one window, [CLS] and [SEP] included")
    overlap: int = Field(64, ge=0, description="tokens that neighbouring windows share")
    thresholds: dict[str, Probability]
    calibration: dict[str, Calibration] = {}

    @model_validator(mode="after")
    def check_names(self) -> Self:
        """Every label has a threshold, and nothing is said of labels that the model does not have."""
        for names in (self.labels, self.entity_types):
            if doubled := sorted({name for name in names if names.count(name) > 1}):
                raise ValueError(f"{doubled} stand twice")
        if set(self.thresholds) != set(self.labels):
            raise ValueError(f"thresholds are for {sorted(self.thresholds)}, labels are {sorted(self.labels)}")
        if unknown := set(self.calibration) - set(self.labels):
            raise ValueError(f"calibration of unknown labels {sorted(unknown)}")
        if self.overlap >= self.max_tokens - 2:
            raise ValueError(f"overlap {self.overlap} leaves no room in a window of {self.max_tokens} tokens")
        return self

    def calibration_of(self, label: str) -> Calibration:
        """The label's calibration; none is the plain sigmoid."""
        return self.calibration.get(label, Calibration())

    def calibrator(self) -> Calibrator:
        """The calibrations of all labels, to be applied to the model's logits."""
        return Calibrator.of([self.calibration_of(label) for label in self.labels])

    @property
    def tags(self) -> tuple[str, ...]:
        """The BIO tags of the entity head, in the order of its outputs."""
        return ("O", *(f"{prefix}-{name}" for name in self.entity_types for prefix in "BI"))


class Shape(BaseModel):
    """The sizes of a BERT encoder, by transformers' names in config.json; the defaults are BERT-base's."""

    model_config = ConfigDict(frozen=True)
    vocabulary: int = Field(30522, alias="vocab_size")
    hidden: int = Field(768, alias="hidden_size")
    layers: int = Field(12, alias="num_hidden_layers")
    inner: int = Field(3072, alias="intermediate_size")
    positions: int = Field(512, alias="max_position_embeddings")

    def operations(self, tokens: int, token_pairs: int) -> int:
        """Floating-point operations of the matrix products of `tokens` tokens, a product and a sum being two.

        `token_pairs` is the sum of the squared sequence lengths: each pair meets in the scores and in the mixing.
        """
        per_token = 2 * (4 * self.hidden**2 + 2 * self.hidden * self.inner)
        return self.layers * (tokens * per_token + token_pairs * 4 * self.hidden)


def read_spec(folder: Path) -> ModelSpec:
    """Reads the spec from a model folder; raises `UsageError` that names the file and what is wrong in it."""
    section = read_config(folder).get(SECTION)
    if section is None:
        raise UsageError(
            f"model {folder / 'config.json'} has no '{SECTION}' section: make one with 'moderation finetune'"
        )
    try:
        return ModelSpec.model_validate(section)
    except ValidationError as error:
        raise explain(error, folder, f"{SECTION}.") from error


def read_shape(folder: Path) -> Shape:
    """Reads the encoder's sizes from a model folder; raises `UsageError` like `read_spec`."""
    try:
        return Shape.model_validate(read_config(folder))
    except ValidationError as error:
        raise explain(error, folder) from error


def read_config(folder: Path) -> dict[str, Any]:
    """The content of a model folder's config.json."""
    try:
        content = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"model {folder}: config.json cannot be read ({error})") from error
    return content if isinstance(content, dict) else {}


def explain(error: ValidationError, folder: Path, section: str = "") -> UsageError:
    """The first mistake in a config.json, by file and key."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return UsageError(f"model {folder / 'config.json'}: {section}{where}: {first['msg']}")
