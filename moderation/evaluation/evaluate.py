"""A model on labelled data: scores it, and works out every figure, overall and by slice."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from moderation.errors import UsageError
from moderation.evaluation.data import Data, Sentences
from moderation.evaluation.labels import LabelReport, label_report
from moderation.evaluation.report import Report, Slice
from moderation.evaluation.score import answers
from moderation.evaluation.spans import SpanReport, gold_spans, span_counts, span_reports
from moderation.inference.engine import Engine
from moderation.models.spec import ModelSpec

SLICES = 20  # the biggest; the others are counted

Truth = dict[str, np.ndarray]
Groups = list[str | None]


def evaluate(engine: Engine, data: Data, by: str | None = None, types: Sequence[str] | None = None) -> Report:
    """Figures of a model on labelled rows; `by` names the column that the rows' groups come from.

    `types` are the entity types that the data annotates; without it, those that occur in it. Raises `UsageError` for
    a type that the model does not have.
    """
    notes, unscored = list(data.notes), Counter[str]()
    labels: list[LabelReport] = []
    spans: list[SpanReport] = []
    sliced: dict[str | None, tuple[list[LabelReport], list[SpanReport]]] = {}
    if data.texts:
        found = answers(engine, data.texts.texts, "scoring texts")
        unscored += found.unscored
        truth = data.texts.truth
        labels = label_reports(engine.spec, found.scores, truth)
        notes += unjudged(engine.spec, truth)
        for value, rows in slices(data.texts.groups, by, "texts", notes):
            part = {label: values[rows] for label, values in truth.items()}
            sliced.setdefault(value, ([], []))[0].extend(label_reports(engine.spec, found.scores[rows], part))
    if data.sentences:
        wanted = annotated(engine.spec, data.sentences, types, notes)
        counts = sentence_counts(engine, data.sentences, wanted, "scoring sentences")
        spans = span_reports(counts, wanted)
        for value, rows in slices(data.sentences.groups, by, "sentences", notes):
            sliced.setdefault(value, ([], []))[1].extend(span_reports(counts[rows], wanted))
    return Report(
        model_id=engine.source.model_id,
        backend=engine.members[0].backend.name,
        rows=len(data.texts.texts) if data.texts else 0,
        sentences=len(data.sentences.words) if data.sentences else 0,
        labels=labels,
        spans=spans,
        by=by,
        slices=[Slice(value, *parts) for value, parts in sliced.items()],
        columns=data.columns,
        unscored=dict(unscored),
        notes=notes,
    )


def label_reports(spec: ModelSpec, scores: np.ndarray, truth: Truth) -> list[LabelReport]:
    """Figures of every label that was judged at all, from scores [rows, labels]."""
    return [
        label_report(label, scores[:, spec.labels.index(label)], values, spec.thresholds[label])
        for label, values in truth.items()
        if not np.isnan(values).all()
    ]


def unjudged(spec: ModelSpec, truth: Truth) -> list[str]:
    """A note on labels that the data says nothing of."""
    left = [label for label in spec.labels if label not in truth]
    return [f"not judged in this data: {', '.join(left)}"] if left else []


def slices(groups: Groups | None, by: str | None, what: str, notes: list[str]) -> list[tuple[str | None, np.ndarray]]:
    """The rows of each of the biggest groups, biggest first; the rest are counted in a note."""
    if groups is None:
        return []
    sizes = Counter(groups).most_common()
    if left := sizes[SLICES:]:
        notes.append(f"{len(left):,} more values of {by} with {sum(size for _, size in left):,} {what} are not shown")
    values = np.array(groups, object)
    return [(value, np.flatnonzero(values == value)) for value, _ in sizes[:SLICES]]


def annotated(spec: ModelSpec, data: Sentences, types: Sequence[str] | None, notes: list[str]) -> list[str]:
    """The entity types to look at, in the model's order; `types` names them, else all that occur in the data."""
    there = {tag[2:] for tags in data.tags for tag in tags if tag != "O"}
    if unknown := sorted(set(types or ()) - set(spec.entity_types)):
        raise UsageError(f"--types {unknown[0]}: the model has the entity types {', '.join(spec.entity_types)}")
    wanted = [kind for kind in spec.entity_types if kind in (there if types is None else types)]
    if not wanted:
        raise UsageError(
            f"the data tags {', '.join(sorted(there)) or 'nothing'}; the model has {', '.join(spec.entity_types)}"
        )
    if types is None and (absent := [kind for kind in spec.entity_types if kind not in there]):
        notes.append(f"entity types that never occur in the data are left out: {', '.join(absent)}")
    if foreign := sorted(there - set(spec.entity_types)):
        notes.append(f"entity types of the data that the model does not have are left out: {', '.join(foreign)}")
    return wanted


def sentence_counts(engine: Engine, data: Sentences, types: Sequence[str], what: str = "") -> np.ndarray:
    """Gold, found and right spans of each sentence and type, [sentences, types, 3]."""
    gold = [gold_spans(words, tags) for words, tags in zip(data.words, data.tags, strict=True)]
    found = answers(engine, [" ".join(words) for words in data.words], what)
    return span_counts(gold, found.spans, types)
