"""A training recipe: which data teaches which label, and how long. One YAML file, unknown keys refused."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from moderation.settings import read_yaml


class Strict(BaseModel):
    """A section of the recipe."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Source(Strict):
    """Rows of one Parquet file: those whose columns hold one of the wanted values."""

    file: str
    where: dict[str, list[str]] = {}
    cap: int | None = Field(None, gt=0, description="at most so many rows for each value of `group`")
    group: str = "source"


class TextSource(Source):
    """Texts (column `text`) and the labels that they were judged for: label → column of 0, 1 or null (not judged).

    A row teaches only the labels named here, both ways; all others are masked.
    """

    labels: dict[str, str]


class TokenSource(Source):
    """Sentences as `tokens` and BIO `tags`; `types` are the entity types that this source annotates."""

    types: list[str]


class CalibrationSource(TextSource):
    """Held-out rows that set the calibration and threshold of the labels named.

    `base_rate` is the share of positives in nature, where the set was drawn richer: rows are weighted back to it.
    """

    base_rate: dict[str, float] = {}


class Recipe(Strict):
    """Everything that decides what a training run makes, but for the data itself."""

    base: str = Field("minilm", description="'minilm' (the train extra's encoder) or a folder")
    symbols: bool = Field(False, description="widen a BERT vocabulary by emoji, and read fancy letters as letters")
    labels: list[str]
    entity_types: list[str] = []
    max_tokens: int = Field(256, ge=16)
    overlap: int = 64
    texts: list[TextSource]
    tokens: list[TokenSource] = []
    calibration: list[CalibrationSource] = []
    functional: str | None = Field(
        None, description="'builtin' or a folder (beside the recipe, or here) of functional cases for the model card"
    )
    epochs: int = Field(1, gt=0)
    batch_tokens: int = Field(4096, gt=0, description="padded tokens of the texts that one step learns from")
    sentence_tokens: int = Field(512, gt=0, description="padded tokens of the sentences beside them")
    learning_rate: float = 1.5e-4
    head_learning_rate: float = 1e-3
    weight_decay: float = 0.01
    warmup: float = Field(0.06, ge=0, lt=1)
    dropout: float = Field(0.0, ge=0, lt=1, description="in the encoder; with much data a small one needs none")
    head_dropout: float = Field(0.1, ge=0, lt=1)
    seed: int = 7


def read_recipe(path: Path) -> Recipe:
    """Reads a recipe; raises `UsageError` that names the file, the key and what is wrong with it."""
    return read_yaml(path, Recipe)
