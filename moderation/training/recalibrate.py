"""A calibration artefact for any model, from labelled rows: what `moderation calibrate` does."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from moderation.errors import UsageError
from moderation.evaluation.data import Choice, Texts, read_data
from moderation.evaluation.score import answers
from moderation.evaluation.thresholds import Criterion, Unreachable
from moderation.inference.devices import Device
from moderation.models.artefact import Artefact, Data, Fitted
from moderation.models.load import ModelSource
from moderation.models.spec import ModelSpec
from moderation.text.digest import file_digest
from moderation.training.calibrate import judged_rows, uncalibrated, write_spec
from moderation.training.choose import fit_label
from moderation.training.fit import Unfit
from moderation.training.recipe import Method


@dataclass(frozen=True)
class Wish:
    """How to calibrate: which labels (all that were judged, where empty), how, and for which base rates."""

    labels: Sequence[str] = ()
    method: Method = "auto"
    criterion: Criterion = field(default_factory=lambda: Criterion("macro_f1"))
    base_rates: dict[str, float] = field(default_factory=dict)
    precision: str = "fp32"
    device: Device = field(default_factory=Device)


def make_artefact(
    source: ModelSource, data: Path, choice: Choice, wish: Wish, report: Callable[[str], None]
) -> Artefact:
    """Fits calibrations and thresholds to the labelled rows of a file.

    `report` gets the notes and the labels that could not be fitted. Raises `UsageError` where data or a label is
    missing, where a label that was asked for by name cannot be fitted, and where none can.
    """
    for name in (*wish.labels, *wish.base_rates):
        if name not in source.spec.labels:
            raise UsageError(f"the model has no label {name}; it has {', '.join(source.spec.labels)}")
    found = read_data(data, wish.labels or source.spec.labels, choice, spans=False)
    if found.texts is None:
        raise UsageError(f"data {data} judges no label")
    if unjudged := sorted(set(wish.labels) - set(found.texts.truth)):
        raise UsageError(f"data {data}: no row chosen is judged for {', '.join(unjudged)}")
    fitted, refused = fit_all(source, found.texts, found.columns, wish)
    if named := [f"{label} ({reason})" for label, reason in refused.items() if not fitted or label in wish.labels]:
        raise UsageError(f"data {data}: cannot calibrate {'; '.join(named)}")
    for note in (*found.notes, *(f"{label} is not calibrated: {reason}" for label, reason in refused.items())):
        report(f"note: {note}")
    where = {column: sorted(values) for column, values in sorted(choice.where.items())}
    origin = Data(sha256=file_digest(data), split=choice.split, where=where, rows=len(found.texts.texts))
    return Artefact(network_id=source.network_id, data=origin, labels=fitted)


def fit_all(
    source: ModelSource, texts: Texts, columns: dict[str, str], wish: Wish
) -> tuple[dict[str, Fitted], dict[str, str]]:
    """The fit of each judged label, and of those that cannot be fitted the reason."""
    scores = answers(uncalibrated(source, wish.precision, wish.device), texts.texts, "scoring texts").scores
    found, refused = {}, {}
    for label, truth in texts.truth.items():
        try:
            found[label] = fit_one(source.spec, label, scores, truth, columns[label], wish)
        except (Unfit, Unreachable) as error:
            refused[label] = str(error)
    return found, refused


def fit_one(spec: ModelSpec, label: str, scores: np.ndarray, truth: np.ndarray, column: str, wish: Wish) -> Fitted:
    """One label of the artefact; figures with six digits."""
    rate = wish.base_rates.get(label)
    judged = judged_rows(scores[:, spec.labels.index(label)], truth, rate)
    fit = fit_label(judged, wish.method, wish.criterion, spec.calibration_of(label))
    figures = {name: rounded(value) for name, value in asdict(fit).items() if name not in ("calibration", "threshold")}
    return Fitted(
        calibration=fit.calibration,
        output=spec.outputs.index(label),
        threshold=fit.threshold,
        criterion=str(wish.criterion),
        column=column,
        rows=len(judged.truth),
        positives=int(judged.truth.sum()),
        base_rate=rounded(float(judged.truth.mean())),
        assumed_base_rate=rate,
        **figures,
    )


def rounded(value: Any) -> Any:
    """Numbers with six digits behind the point, in mappings too."""
    if isinstance(value, dict):
        return {key: rounded(inner) for key, inner in value.items()}
    return round(value, 6) if isinstance(value, float) else value


def write_artefact(artefact: Artefact, path: Path) -> None:
    """Writes the artefact, all of it or nothing."""
    part = path.with_name(f".{path.name}.part")
    part.write_text(artefact.text(), encoding="utf-8")
    part.replace(path)


def write_model(source: ModelSource, artefact: Artefact, folder: Path) -> None:
    """Writes a copy of the model folder with the artefact's calibrations and thresholds in its config."""
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        for file in sorted(source.folder.iterdir()):
            if file.is_file():
                shutil.copyfile(file, part / file.name)
        write_spec(part, artefact.applied(source.spec))
        if (part / "MODEL_CARD.md").is_file():
            with (part / "MODEL_CARD.md").open("a", encoding="utf-8") as card:
                card.write(card_note(artefact))
        part.rename(folder)
    except OSError:
        shutil.rmtree(part, ignore_errors=True)
        raise


def card_note(artefact: Artefact) -> str:
    """What a model card must say once more of a copy with other thresholds."""
    lines = [
        f"| {label} | {found.calibration.describe()} | {found.threshold:.4g} | {found.rows:,} "
        f"| {found.ece_before:.3f} | {found.ece_after:.3f} |"
        for label, found in artefact.labels.items()
    ]
    head = [
        "| label | calibration | threshold | rows | calibration error before | after |",
        "|---|---|---|---|---|---|",
    ]
    intro = (
        f"This copy has other calibrations and thresholds for the labels below than the tables above say. They were "
        f"fitted to a file with SHA-256 {artefact.data.sha256}; errors after are cross-validated."
    )
    return "\n".join(["", "## Calibrated anew", "", intro, "", *head, *lines, ""])


def check_targets(output: Path | None, output_model: Path | None) -> None:
    """Raises `UsageError` where the result could not be written, before anything is scored."""
    if (output is None) == (output_model is None):
        raise UsageError("name one of --output FILE.json and --output-model FOLDER")
    if output and (output.is_dir() or not output.absolute().parent.is_dir()):
        raise UsageError(f"--output {output}: {'is a folder' if output.is_dir() else 'no such folder'}")
    if output_model and output_model.exists():
        raise UsageError(f"--output-model {output_model}: is there already; name a new folder")
    if output_model and not output_model.absolute().parent.is_dir():
        raise UsageError(f"--output-model {output_model}: no such folder")
