"""A training recipe: which data teaches which label, and how long. One YAML file, unknown keys refused."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self, cast, get_args

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from moderation.errors import UsageError
from moderation.evaluation.thresholds import Criterion
from moderation.settings import parse, read_yaml

Method = Literal["platt", "temperature", "isotonic", "auto"]


def method_named(text: str) -> Method:
    """A calibration method; raises `UsageError` for what is none."""
    for method in get_args(Method):
        if method == text:
            return cast(Method, method)
    raise UsageError(f"method '{text}' is none of {', '.join(get_args(Method))}")


class Strict(BaseModel):
    """A section of the recipe."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Source(Strict):
    """Rows of one Parquet file: those whose columns hold one of the wanted values."""

    file: str
    dev: str | None = Field(None, description="file of the held-out rows; else the column `split`, else `dev_share`")
    dev_share: float = Field(0.1, ge=0, lt=1, description="share of the texts held out where nothing else tells")
    where: dict[str, list[str]] = {}
    cap: int | None = Field(None, gt=0, description="at most so many rows for each value of `group`")
    group: str = Field("source", description="column that says where a row comes from, for the card")


class TextSource(Source):
    """Texts (column `text`) and the labels that they were judged for: label → column of 0, 1 or null (not judged).

    A row teaches only the labels named here, both ways; all others are masked.
    """

    labels: dict[str, str]
    weight: str | None = Field(
        "weight", description="column of how much a row counts, 1 where there is no such column; null: all rows alike"
    )


class TokenSource(Source):
    """Sentences as `tokens` and BIO `tags`; `types` are the entity types that this source annotates."""

    types: list[str]


class CalibrationSource(TextSource):
    """Held-out rows that set the calibration and threshold of the labels named.

    `base_rate` is the share of positives in nature, where the set was drawn richer: rows are weighted back to it.
    """

    base_rate: dict[str, Annotated[float, Field(gt=0, lt=1)]] = {}
    method: Method = Field("platt", description="auto takes the one of the lowest log loss in cross-validation")
    threshold: str = Field("f1", description="f1, macro_f1, balanced, precision=P or cost=MISS:ALARM")

    @field_validator("threshold")
    @classmethod
    def check_threshold(cls, text: str) -> str:
        """The criterion is one that can be read."""
        try:
            return str(Criterion.parse(text))
        except UsageError as error:
            raise ValueError(str(error)) from error


class Schedule(Strict):
    """How the weights are updated; what fine-tuning and domain adaptation have in common."""

    epochs: int = Field(1, gt=0)
    batch_tokens: int = Field(4096, gt=0, description="padded tokens of the texts that one step learns from")
    accumulate: int = Field(1, gt=0, description="batches whose gradients make one update, where memory is short")
    learning_rate: float = Field(1.5e-4, gt=0)
    head_learning_rate: float = Field(1e-3, gt=0)
    weight_decay: float = Field(0.01, ge=0)
    warmup: float = Field(0.06, ge=0, lt=1, description="share of the updates in which the learning rate rises")
    precision: Literal["auto", "bf16", "fp32"] = Field("auto", description="auto: bf16 where the hardware has it")
    seed: int = Field(7, ge=0)


class Adaptation(Schedule):
    """Masked-language-model training of the base on unlabelled text, before anything else."""

    file: str = Field(description="Parquet file of unlabelled text")
    text: str = Field("body", description="its column of texts")
    max_rows: int | None = Field(None, gt=0, description="so many texts at most, drawn by the seed")
    steps: int | None = Field(None, gt=0, description="updates, in place of epochs")
    max_tokens: int = Field(128, ge=16, description="longer texts are taken in pieces of so many tokens")
    mask_share: float = Field(0.15, gt=0, lt=1, description="share of the words that are to be guessed")
    learning_rate: float = Field(1e-4, gt=0)


class EarlyStopping(Strict):
    """Training ends when the metric on the dev rows stops rising; the best epoch's weights are kept."""

    patience: int = Field(2, gt=0, description="epochs without a better metric after which training ends")


VARIED = (  # keys that trainings may differ in whose weights are averaged: how is learnt, never what a network is
    *("epochs", "average", "early_stopping", "batch_tokens", "sentence_tokens", "accumulate", "join", "seed"),
    *("learning_rate", "head_learning_rate", "weight_decay", "warmup", "precision", "dropout", "head_dropout"),
    *("imbalance", "label_weights", "distil_weight", "temperature"),
)


class Recipe(Schedule):
    """Everything that decides what a training run makes, but for the data itself."""

    base: str = Field("minilm", description="'minilm' (the train extra's encoder), an encoder folder or a model folder")
    symbols: bool = Field(False, description="widen a BERT vocabulary by emoji, and read fancy letters as letters")
    case: bool = Field(False, description="tell a BERT of lower-case words which of them are written with capitals")
    labels: list[str] = []
    entity_types: list[str] = []
    max_tokens: int = Field(256, ge=16, description="tokens of the model's window; longer texts teach by their start")
    overlap: int = Field(64, ge=0, description="tokens that neighbouring windows share when the model scores")
    texts: list[TextSource] = []
    tokens: list[TokenSource] = []
    calibration: list[CalibrationSource] = []
    precisions: list[Literal["bf16", "int8"]] = Field([], description="measured beside fp32 for the model card")
    functional: str | None = Field(
        None, description="'builtin' or a folder (beside the recipe, or here) of functional cases for the model card"
    )
    join: float = Field(
        0.0, ge=0, le=1, description="as many texts besides, as a share, each among polite ones: a long text"
    )
    sentence_tokens: int = Field(512, gt=0, description="padded tokens of the sentences beside them")
    dropout: float = Field(0.0, ge=0, lt=1, description="in the encoder; with much data a small one needs none")
    head_dropout: float = Field(0.1, ge=0, lt=1)
    imbalance: Literal["none", "balanced", "sqrt"] = Field(
        "none", description="weight of a label's positives: 1, negatives per positive, or the root of that"
    )
    label_weights: dict[str, Annotated[float, Field(gt=0)]] = Field(
        {}, description="how much a label counts in the loss, 1 where it is not named: more for rare and hard ones"
    )
    early_stopping: EarlyStopping | None = Field(None, description="null: all epochs, and the last one is kept")
    average: int = Field(1, gt=0, description="the weights are the mean of those after the last so many epochs")
    mean_of: list[dict[str, Any]] = Field(
        [], description="keys that several trainings differ in, each from the same start; the weights are their mean"
    )
    dev_rows: int = Field(5000, gt=0, description="held-out texts, and sentences, that are looked at after an epoch")
    adapt: Adaptation | None = Field(None, description="domain adaptation of the base first")
    teacher: str | None = Field(None, description="model folder to learn from besides the data")
    distil_weight: float = Field(0.5, gt=0, le=1, description="the teacher's share of the loss")
    temperature: float = Field(2.0, gt=0, description="divides the logits that the teacher is compared by")

    @model_validator(mode="after")
    def check_heads(self) -> Self:
        """There is something to learn, and data that teaches it."""
        for names, sources, what in (
            (self.labels, self.texts, "labels need texts"),
            (self.entity_types, self.tokens, "entity_types need tokens"),
        ):
            if bool(names) != bool(sources):
                raise ValueError(f"{what}, and the other way round")
        if self.join and not self.labels:
            raise ValueError("join makes long texts for labels, and there are none")
        if self.early_stopping and self.average > 1:
            raise ValueError("early_stopping keeps the best epoch's weights, average the mean of several: choose one")
        if self.average > self.epochs:
            raise ValueError(f"average {self.average} is more than the {self.epochs} epoch(s)")
        if not self.labels and not self.entity_types:
            raise ValueError("neither labels nor entity_types: there is nothing to learn")
        if strange := sorted(set(self.label_weights) - set(self.labels)):
            raise ValueError(f"label_weights names {', '.join(strange)}, which labels lacks")
        if doubled := [name for name in self.labels if self.labels.count(name) > 1]:
            raise ValueError(f"label '{doubled[0]}' stands twice")
        return self

    @model_validator(mode="after")
    def check_trainings(self) -> Self:
        """Several trainings differ, and in nothing that makes their weights incomparable."""
        if strange := [key for keys in self.mean_of for key in keys if key not in VARIED]:
            raise ValueError(f"mean_of: trainings cannot differ in '{strange[0]}', only in {', '.join(VARIED)}")
        try:
            trainings = self.trainings()
        except UsageError as error:
            raise ValueError(str(error)) from error
        if self.mean_of and len(trainings) == 1:
            raise ValueError("mean_of wants two trainings or more")
        if doubled := [number for number, one in enumerate(trainings, 1) if one in trainings[: number - 1]]:
            raise ValueError(f"mean_of: training {doubled[0]} is like one before it")
        return self

    def trainings(self) -> "list[Recipe]":
        """A recipe for each training: this one, or several that differ from it; raises `UsageError` for a wrong key."""
        if not self.mean_of:
            return [self]
        whole = self.model_dump(exclude={"mean_of"})
        return [parse(whole | keys, Recipe, f"mean_of {number}") for number, keys in enumerate(self.mean_of, 1)]

    def files(self) -> list[str]:
        """The data files, each once."""
        sources: list[Source] = [*self.texts, *self.tokens, *self.calibration]
        found = {name for source in sources for name in (source.file, source.dev) if name}
        return sorted(found | ({self.adapt.file} if self.adapt else set()))


def described(keys: dict[str, Any]) -> str:
    """What is a training's own, of several."""
    return ", ".join(f"{key}: {value}" for key, value in keys.items()) or "as the recipe has it"


def read_recipe(path: Path) -> Recipe:
    """Reads a recipe; raises `UsageError` that names the file, the key and what is wrong with it."""
    return read_yaml(path, Recipe)
