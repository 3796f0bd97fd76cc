"""What a lower precision costs a model: the same figures in each, beside those of fp32."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from moderation.errors import UsageError
from moderation.evaluation.markdown import table
from moderation.evaluation.score import answers
from moderation.inference.devices import Device, check
from moderation.inference.engine import Engine
from moderation.training.evaluate import evaluate_labels, evaluate_spans
from moderation.training.recipe import Recipe
from moderation.training.rows import read_rows

CPU = Device("cpu")


@dataclass(frozen=True)
class PrecisionFigures:
    """Means over the dev figures of all sources and labels; `changed` and `largest` are against fp32's answers."""

    precision: str
    roc_auc: float
    macro_f1: float
    span_f1: float
    changed: float
    largest: float


def precision_figures(folder: Path, recipe: Recipe, data: Path) -> list[PrecisionFigures]:
    """fp32 on the CPU and each of the recipe's precisions that this machine can run."""
    texts = dev_texts(recipe, data)
    engine = Engine.load(str(folder), "fp32", CPU)
    exact = answers(engine, texts, "scoring in fp32").scores
    found = [figures(engine, recipe, data, exact, exact)]
    for precision in recipe.precisions:
        try:
            check(precision, CPU)
        except UsageError:  # this processor or this environment has it not
            continue
        engine = Engine.load(str(folder), precision, CPU)
        scores = answers(engine, texts, f"scoring in {precision}").scores
        found.append(figures(engine, recipe, data, scores, exact))
    return found


def dev_texts(recipe: Recipe, data: Path) -> list[str]:
    """The dev texts of all sources."""
    return [text for source in recipe.texts for text in read_rows(data, source, "dev", ["text"], recipe.seed)["text"]]


def figures(engine: Engine, recipe: Recipe, data: Path, scores: np.ndarray, exact: np.ndarray) -> PrecisionFigures:
    """One precision's figures; `scores` and `exact` [texts, labels] are its answers and fp32's."""
    labels, spans = evaluate_labels(engine, recipe, data), evaluate_spans(engine, recipe, data)
    limits = np.array([engine.spec.thresholds[label] for label in engine.spec.labels])
    return PrecisionFigures(
        engine.members[0].backend.precision,
        mean([found.roc_auc for found in labels]),
        mean([found.macro_f1 for found in labels]),
        mean([found.f1 for found in spans if found.type == "all"]),
        changed=float(((scores >= limits) != (exact >= limits)).mean()) if exact.size else 0.0,
        largest=float(np.nanmax(np.abs(scores - exact), initial=0.0)),
    )


def mean(values: list[float]) -> float:
    """The mean; NaN of nothing."""
    return float(np.mean(values)) if values else float("nan")


def precision_section(found: list[PrecisionFigures]) -> str:
    """The card's section on precisions."""
    about = (
        "Means over all dev figures of this card, on a CPU. Decisions changed: the share of thresholds (a text and a "
        "label) that fall otherwise than in fp32. int8 is quantised after training, by nncf, when it is first loaded."
    )
    columns = ["precision", "ROC-AUC", "macro-F1", "span F1", "decisions changed", "largest difference"]
    rows = [
        [
            f.precision,
            f"{f.roc_auc:.4f}",
            f"{f.macro_f1:.4f}",
            f"{f.span_f1:.4f}",
            f"{f.changed:.2%}",
            f"{f.largest:.3f}",
        ]
        for f in found
    ]
    return f"## Precisions\n\n{about}\n\n{table(columns, rows)}"
