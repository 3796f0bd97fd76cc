"""Calibration artefacts: calibrations and thresholds in a file, for the network that they were fitted to."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from moderation.errors import UsageError
from moderation.models.calibration import Calibration
from moderation.models.load import DIGEST_LENGTH, ModelSource
from moderation.models.spec import ModelSpec, Probability
from moderation.text.digest import text_digest

Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Part(BaseModel):
    """A section of the artefact."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Fitted(Part):
    """One label: its calibration and threshold, and what they rest on.

    `output` is the number of the network's output that the label was, `column` the column of 0 and 1 that it was fitted
    to, `base_rate` the share of positives in it and `assumed_base_rate` the one that the rows were weighted to.
    `log_loss` is per method that was tried. It and all other figures are of 5-fold cross-validation, each row answered
    for by a fit that has not seen it; only `ece_before` is of the scores as the model gave them before.
    """

    calibration: Calibration
    output: int
    threshold: Probability
    criterion: str
    column: str
    rows: int
    positives: int
    base_rate: Probability
    assumed_base_rate: Probability | None = None
    log_loss: dict[str, float]
    ece_before: float
    ece_after: float
    precision: float
    recall: float
    macro_f1: float


class Data(Part):
    """The labelled data: the file's digest, the rows chosen from it, and how many of those were scored."""

    sha256: Digest
    split: str | None = None
    where: dict[str, list[str]] = {}
    rows: int


class Artefact(Part):
    """All of the file. `network_id` is that of the network whose scores were fitted."""

    format: Literal["moderation-calibration/1"] = "moderation-calibration/1"
    network_id: str
    data: Data
    labels: Annotated[dict[str, Fitted], Field(min_length=1)]

    def text(self) -> str:
        """The file's content: equal artefacts are equal bytes."""
        content = self.model_dump(mode="json", exclude_none=True)
        return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    def applied(self, spec: ModelSpec) -> ModelSpec:
        """A spec with the calibrations and thresholds of this file; labels that it does not name keep theirs."""
        calibration = spec.calibration | {label: fitted.calibration for label, fitted in self.labels.items()}
        thresholds = spec.thresholds | {label: fitted.threshold for label, fitted in self.labels.items()}
        return spec.model_copy(update={"calibration": calibration, "thresholds": thresholds})


def read_artefact(path: Path) -> Artefact:
    """Reads an artefact; raises `UsageError` that names the file and what is wrong in it."""
    try:
        return Artefact.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UsageError(f"calibration {path}: no such file") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"calibration {path}: cannot be read ({error})") from error
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        raise UsageError(
            f"calibration {path} is none that 'moderation calibrate' wrote: {f'{where}: ' if where else ''}{message}"
        ) from error


def with_calibration(source: ModelSource, artefact: Path) -> ModelSource:
    """The model with the calibrations and thresholds of an artefact: another `model_id`, the same `network_id`.

    Raises `UsageError` where the artefact cannot be read, was fitted to another network, or names a label that the
    model does not have.
    """
    found = read_artefact(artefact)
    if found.network_id != source.network_id:
        raise UsageError(
            f"calibration {artefact} was fitted to network {found.network_id}, but model {source.folder} is network "
            f"{source.network_id}: make one for this model with 'moderation calibrate'"
        )
    if unknown := sorted(set(found.labels) - set(source.spec.labels)):
        raise UsageError(
            f"calibration {artefact} is of {', '.join(unknown)}; model {source.folder} has the labels "
            f"{', '.join(source.spec.labels)}"
        )
    for label, fitted in found.labels.items():
        if fitted.output != (here := source.spec.outputs.index(label)):
            raise UsageError(
                f"calibration {artefact}: {label} was output {fitted.output} of the network, and model {source.folder} "
                f"has it as output {here}"
            )
    model_id = text_digest(source.model_id + found.text())[:DIGEST_LENGTH]
    return replace(source, spec=found.applied(source.spec), model_id=model_id)
