"""What a model folder says of itself: labels, entity types, window, thresholds and calibration."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol, Self

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError, model_validator

from moderation.errors import UsageError
from moderation.models.calibration import Calibration, Calibrator

Probability = Annotated[float, Field(ge=0, le=1)]
SECTION = "moderation"  # the key in the model folder's config.json, beside transformers' own
OURS = "MultiTaskBert"  # what config.json's `architectures` says of our own network
PARTS = "BIMELSU"  # begin; inside (I, or M of BMES); end (E, or L of BILOU); single (S, or U of BILOU)


def bio(entity_types: tuple[str, ...]) -> tuple[str, ...]:
    """The BIO tags of entity types, in the order of our own entity head."""
    return ("O", *(f"{prefix}-{name}" for name in entity_types for prefix in "BI"))


class LabelSet(Protocol):
    """What can be said of a text, by one model or by several: labels with their thresholds, and entity types."""

    @property
    def labels(self) -> tuple[str, ...]: ...

    @property
    def entity_types(self) -> tuple[str, ...]: ...

    @property
    def thresholds(self) -> Mapping[str, float]: ...


class ModelSpec(BaseModel):
    """The `moderation` section of a model folder's config.json.

    `labels` and `entity_types` are what is reported; `outputs` and `tags` are what the network says, output by output.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    labels: tuple[str, ...]
    entity_types: tuple[str, ...] = ()
    outputs: tuple[str | None, ...] = Field(
        default_factory=lambda given: given["labels"],
        description="the label of each output of the label head, null where it is not reported",
    )
    tags: tuple[str, ...] = Field(
        default_factory=lambda given: bio(given["entity_types"]),
        description="the tag of each output of the entity head; one of a type that is not reported reads as O",
    )
    activation: Annotated[
        Literal["sigmoid", "softmax"], Field(description="sigmoid: each label by itself; softmax: one of all outputs")
    ] = "sigmoid"
    max_tokens: int = Field(256, ge=16, description="tokens of one window, [CLS] and [SEP] included")
    overlap: int = Field(64, ge=0, description="tokens that neighbouring windows share")
    case: Annotated[bool, Field(description="whether the encoder is told which words are written with capitals")] = (
        False
    )
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
        self.check_outputs()
        if unknown := set(self.calibration) - set(self.labels):
            raise ValueError(f"calibration of unknown labels {sorted(unknown)}")
        if self.overlap >= self.max_tokens - 2:
            raise ValueError(f"overlap {self.overlap} leaves no room in a window of {self.max_tokens} tokens")
        return self

    def check_outputs(self) -> None:
        """Every label and every entity type has an output; raises `ValueError`."""
        reported = sorted(name for name in self.outputs if name is not None)
        if reported != sorted(self.labels):
            raise ValueError(f"outputs report {reported}, labels are {sorted(self.labels)}")
        if self.activation == "softmax" and len(self.outputs) < 2:
            raise ValueError("softmax needs at least two outputs")
        if odd := [tag for tag in self.tags if tag != "O" and (tag[:1] not in PARTS or tag[1:2] != "-")]:
            raise ValueError(f"tag '{odd[0]}' is neither O nor one of {', '.join(PARTS)}, a hyphen and a type")
        if lacking := set(self.entity_types) - {tag[2:] for tag in self.tags if tag != "O"}:
            raise ValueError(f"no tag is of the entity types {sorted(lacking)}")

    def calibration_of(self, label: str) -> Calibration:
        """The label's calibration; none is the plain sigmoid."""
        return self.calibration.get(label, Calibration())

    def calibrator(self) -> Calibrator:
        """The calibrations of all labels, to be applied to the model's logits."""
        return Calibrator.of([self.calibration_of(label) for label in self.labels])


class Shape(BaseModel):
    """The sizes of an encoder, by transformers' names in config.json; the defaults are BERT-base's."""

    model_config = ConfigDict(frozen=True)
    family: str = Field("bert", alias="model_type")
    vocabulary: int = Field(30522, alias="vocab_size")
    hidden: int = Field(768, validation_alias=AliasChoices("hidden_size", "dim"))
    layers: int = Field(12, validation_alias=AliasChoices("num_hidden_layers", "n_layers"))
    inner: int = Field(3072, validation_alias=AliasChoices("intermediate_size", "hidden_dim"))
    embeddings: int = Field(512, alias="max_position_embeddings")
    types: int = Field(2, alias="type_vocab_size")

    @property
    def positions(self) -> int:
        """Tokens of the longest sequence; RoBERTa counts from behind its padding's place, and so has two fewer."""
        return self.embeddings - (2 if self.family in ("roberta", "xlm-roberta") else 0)

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
