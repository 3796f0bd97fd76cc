"""Labelled data: which texts were judged for which label, and sentences with their entities."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa

from moderation.errors import UsageError
from moderation.evaluation import table as tables
from moderation.evaluation.bootstrap import SEED
from moderation.evaluation.table import ROW

# Jigsaw's column names, where a model has the label of the other name.
JIGSAW = {"toxicity": ("toxic",), "severe_toxicity": ("severe_toxic",), "identity_attack": ("identity_hate",)}
BIO = re.compile(r"O|[BI]-.+")
RELIABLE = "neg_reliable"  # where it is false, a 0 of the label below says nothing
OFFENSIVE = "offensive"


@dataclass(frozen=True)
class Choice:
    """Which rows and columns of a file are meant: `columns` is label → column, `where` column → wanted values."""

    text: str = "text"
    columns: dict[str, str] = field(default_factory=dict)
    split: str | None = None
    where: dict[str, list[str]] = field(default_factory=dict)
    by: str | None = None
    limit: int | None = None
    seed: int = SEED


@dataclass(frozen=True)
class Texts:
    """Judged texts: `truth` is label → 0, 1 or NaN (not judged) [rows]; `groups` is the value that slices go by."""

    texts: list[str | None]
    truth: dict[str, np.ndarray]
    groups: list[str | None] | None = None


@dataclass(frozen=True)
class Sentences:
    """Words and BIO tags, sentence by sentence."""

    words: list[list[str]]
    tags: list[list[str]]
    groups: list[str | None] | None = None


@dataclass(frozen=True)
class Data:
    """Labelled rows; `notes` are what a reader of the figures must know of them, `columns` is label → column."""

    texts: Texts | None = None
    sentences: Sentences | None = None
    columns: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def read_data(path: Path, labels: Sequence[str], choice: Choice | None = None, spans: bool = True) -> Data:
    """Reads judged texts for a model's labels, and tagged sentences where `spans`.

    Raises `UsageError` where the file, a column or a label is missing, a value is not what it should be, or no row is
    judged.
    """
    choice = choice or Choice()
    schema = tables.read_schema(path)
    columns = label_columns(schema.names, labels, choice.columns)
    where = choice.where | ({"split": [choice.split]} if choice.split is not None else {})
    tagged = spans and {"tokens", "tags"} <= set(schema.names)
    if not columns and not tagged:
        raise UsageError(nothing_judged(path, labels, schema.names))
    extra = [RELIABLE] if OFFENSIVE in columns and RELIABLE in schema.names else []
    needed = [*columns.values(), *extra, *where, *([choice.by] if choice.by else [])]
    needed += [choice.text] if columns else []
    table = tables.read_table(path, [*needed, *(["tokens", "tags"] if tagged else [])])
    notes = split_note(path, schema.names, choice)
    table = tables.sample(tables.chosen(table, where, path), choice.limit, choice.seed)
    texts = read_texts(table, columns, choice, path, notes) if columns else None
    sentences = read_sentences(table, choice, path) if tagged else None
    if texts is None and sentences is None:
        raise UsageError(f"data {path}: not one of the {table.num_rows:,} rows chosen is judged for any label")
    found = {label: column for label, column in columns.items() if texts and label in texts.truth}
    return Data(texts, sentences, found, notes)


def label_columns(names: Sequence[str], labels: Sequence[str], given: dict[str, str]) -> dict[str, str]:
    """The column of each label: the one that is given, else one of its own name or of Jigsaw's name for it.

    A column that is given to one label is not also taken for another.
    """
    if unknown := sorted(set(given) - set(labels)):
        raise UsageError(f"--label-column {unknown[0]}=...: the model has no such label; it has {', '.join(labels)}")
    free = [name for name in names if name not in given.values()]
    found = {}
    for label in labels:
        own = [name for name in (label, *JIGSAW.get(label, ())) if name in free]
        if label in given or own:
            found[label] = given.get(label) or own[0]
    return found


def read_texts(table: pa.Table, columns: dict[str, str], choice: Choice, path: Path, notes: list[str]) -> Texts | None:
    """The texts that were judged for at least one label; None where no row was."""
    truth = {label: tables.judgements(table, column, path) for label, column in columns.items()}
    if RELIABLE in table.column_names and OFFENSIVE in truth:
        truth[OFFENSIVE] = without_unreliable(truth[OFFENSIVE], table, path, notes)
    truth = {label: values for label, values in truth.items() if not np.isnan(values).all()}
    if not truth:
        return None
    judged = ~np.isnan(np.stack(list(truth.values()))).all(axis=0)
    kept = table.filter(pa.array(judged))
    truth = {label: values[judged] for label, values in truth.items()}
    return Texts(tables.texts(kept, choice.text, path), truth, groups(kept, choice, path))


def without_unreliable(truth: np.ndarray, table: pa.Table, path: Path, notes: list[str]) -> np.ndarray:
    """`offensive` without the zeros of rows that were judged for something narrower, such as hate alone."""
    unreliable = tables.judgements(table, RELIABLE, path) == 0
    dropped = unreliable & (truth == 0)
    if dropped.any():
        notes.append(
            f"{dropped.sum():,} rows with {OFFENSIVE} = 0 and {RELIABLE} false count as not judged; the "
            f"{(unreliable & (truth == 1)).sum():,} positives of such rows count (--where {RELIABLE}=true leaves "
            "these out too)"
        )
    return np.where(dropped, np.nan, truth)


def read_sentences(table: pa.Table, choice: Choice, path: Path) -> Sentences | None:
    """The tagged sentences; None where no row has both tokens and tags. Raises `UsageError` that names a bad row."""
    for name in ("tokens", "tags"):
        kind = table[name].type
        if not (pa.types.is_list(kind) or pa.types.is_large_list(kind)) or not text_like(kind.value_type):
            raise UsageError(f"data {path}: column {name} holds {kind}, not lists of text")
    kept = table.filter(pa.compute.and_(table["tokens"].is_valid(), table["tags"].is_valid()))
    words, tags = (word_lists(kept, name, path) for name in ("tokens", "tags"))
    for number, some_words, some_tags in zip(kept[ROW].to_pylist(), words, tags, strict=True):
        check_sentence(some_words, some_tags, f"data {path}: row {number}")
    return Sentences(words, tags, groups(kept, choice, path)) if words else None


def word_lists(table: pa.Table, name: str, path: Path) -> list[list[str]]:
    """A column of lists of text; raises `UsageError` where bytes are no text."""
    try:
        found: list[list[str]] = table[name].to_pylist()
    except UnicodeDecodeError as error:
        raise UsageError(f"data {path}: column {name} holds text that is not UTF-8") from error
    return found


def check_sentence(words: Sequence[str | None], tags: Sequence[str | None], where: str) -> None:
    """Raises `UsageError` unless each word has one BIO tag."""
    if len(words) != len(tags):
        raise UsageError(f"{where} has {len(words)} tokens and {len(tags)} tags")
    if None in words:
        raise UsageError(f"{where} has a token that is null")
    for tag in tags:
        if tag is None or not BIO.fullmatch(tag):
            raise UsageError(f"{where} has the tag {tag!r}, which is none of O, B-TYPE, I-TYPE")


def text_like(kind: pa.DataType) -> bool:
    """Whether a type is of text."""
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def groups(table: pa.Table, choice: Choice, path: Path) -> list[str | None] | None:
    """The value that slices go by, row by row."""
    return tables.as_text(table[choice.by], choice.by, path).to_pylist() if choice.by else None


def split_note(path: Path, names: Sequence[str], choice: Choice) -> list[str]:
    """A warning where a file tells held-out rows apart and nobody asked for them."""
    if "split" not in names or choice.split is not None or "split" in choice.where:
        return []
    return ["the data has a column split, and rows of every split count: --split dev takes held-out rows alone"]


def nothing_judged(path: Path, labels: Sequence[str], names: Sequence[str]) -> str:
    """What to say of a file without any column that can be evaluated."""
    return (
        f"data {path} has no column named like a label of the model ({', '.join(labels)}) and no tokens and tags; it "
        f"has {tables.listed(names)} (name a column with --label-column label=column)"
    )
