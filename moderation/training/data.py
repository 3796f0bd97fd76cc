"""Training data: Parquet rows to token ids and masked targets."""

from dataclasses import dataclass
from hashlib import sha256
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from moderation.errors import UsageError
from moderation.inference.tokenise import tokenise
from moderation.text.normalise import without_surrogates
from moderation.training.recipe import Recipe, Source, TextSource, TokenSource
from moderation.training.schema import check_labels, read_columns, with_tags, with_text

if TYPE_CHECKING:
    from tokenizers import Tokenizer

UNKNOWN = "not stated"
IGNORED = -100  # torch's own value for a token that has no target


@dataclass(frozen=True)
class Example:
    """One text: its token ids, its label targets (NaN: not judged), or its tag targets and the tags allowed there."""

    ids: np.ndarray
    labels: np.ndarray | None = None
    tags: np.ndarray | None = None
    allowed: np.ndarray | None = None


def read_rows(folder: Path, source: Source, split: str, needed: list[str], seed: int) -> pd.DataFrame:
    """The rows of one source and split (`train` or `dev`), checked against the schema.

    A column `split` tells the two apart; where there is none, the source's `dev` file does, or a share of the texts
    (`dev_share`, by `seed`). Where there is no column for the group or the licence, the file's name and "not stated"
    stand in. Raises `UsageError` that names the file, the column and the value.
    """
    given = source.dev if split == "dev" and source.dev else source.file
    path = folder / given
    wanted = [name for name in (*needed, *source.where) if name not in (source.group, "license")]
    rows = everything = read_columns(path, [*content_columns(source), *wanted], ["split", source.group, "license"])
    rows = of_split(rows, source, split, seed)
    for column, values in source.where.items():
        rows = rows[rows[column].isin(values)]
    rows = checked(rows, source, path, split, len(everything))
    if source.cap and split == "train":
        shuffled = rows.sample(frac=1, random_state=seed)
        rows = shuffled.groupby(source.group, sort=False).head(source.cap)
    return rows


def content_columns(source: Source) -> list[str]:
    """The columns that a source's rows are made of."""
    if isinstance(source, TextSource):
        return ["text", *source.labels.values()]
    return ["tokens", "tags"] if isinstance(source, TokenSource) else []


def of_split(rows: pd.DataFrame, source: Source, split: str, seed: int) -> pd.DataFrame:
    """The rows of a split."""
    if "split" in rows.columns:
        return rows[rows["split"] == split]
    if source.dev:
        return rows
    column = "tokens" if isinstance(source, TokenSource) else "text"
    chosen = held_out([" ".join(map(str, found)) for found in rows[column]], source.dev_share, seed)
    return rows[chosen if split == "dev" else ~chosen]


def held_out(texts: list[str], share: float, seed: int) -> np.ndarray:
    """Which rows a share of the distinct texts are in: equal texts are on one side, in whatever order they come."""
    order = sorted(set(texts), key=lambda text: sha256(f"{seed} {text}".encode("utf-8", "replace")).digest())
    chosen = set(order[: ceil(share * len(order))])
    return np.array([text in chosen for text in texts], bool)


def checked(rows: pd.DataFrame, source: Source, path: Path, split: str, among: int) -> pd.DataFrame:
    """The rows that can be learnt from, in which all is as the schema has it; an empty training split is an error."""
    if isinstance(source, TextSource):
        rows = with_text(rows, path)
        check_labels(rows, list(source.labels.values()), path)
    elif isinstance(source, TokenSource):
        rows = with_tags(rows, path)
    if rows.empty and (split == "train" or source.dev):
        raise UsageError(
            f"training data {path}: none of its {among:,} rows is left for split '{split}' (a column `split` holds "
            "train or dev; rows without a text and rows that `where` does not name are left out)"
        )
    licence = rows["license"].fillna(UNKNOWN) if "license" in rows else UNKNOWN
    group = rows[source.group].fillna(UNKNOWN) if source.group in rows else path.stem
    return rows.assign(**{"license": licence, source.group: group})


def label_targets(rows: pd.DataFrame, columns: dict[str, str], labels: list[str]) -> np.ndarray:
    """Targets [rows, labels]: 0, 1, or NaN where the row was not judged for the label."""
    targets = np.full((len(rows), len(labels)), np.nan, np.float32)
    for label, column in columns.items():
        targets[:, labels.index(label)] = [np.nan if pd.isna(value) else float(value) for value in rows[column]]
    return targets


def text_examples(recipe: Recipe, folder: Path, split: str, tokenizer: "Tokenizer") -> list[Example]:
    """The texts of every source, cut to the model's window."""
    examples: list[Example] = []
    for source in recipe.texts:
        rows = read_rows(folder, source, split, ["text", *source.labels.values()], recipe.seed)
        targets = label_targets(rows, source.labels, recipe.labels)
        for ids, target in zip(token_ids(rows["text"], tokenizer, recipe.max_tokens - 2), targets, strict=True):
            examples.append(Example(ids, labels=target))
    return examples


def token_ids(texts: pd.Series, tokenizer: "Tokenizer", limit: int) -> list[np.ndarray]:
    """Token ids of each text, at most `limit`, without special tokens."""
    tokens = tokenise(tokenizer, [without_surrogates(text) for text in texts])
    return [
        tokens.ids[low : min(low + limit, high)] for low, high in zip(tokens.bounds, tokens.bounds[1:], strict=False)
    ]


def token_examples(
    recipe: Recipe, folder: Path, split: str, tokenizer: "Tokenizer", tags: tuple[str, ...]
) -> list[Example]:
    """The sentences of every source with one target per word piece that starts a word, and the tags it may take."""
    examples: list[Example] = []
    for source in recipe.tokens:
        rows = read_rows(folder, source, split, ["tokens", "tags"], recipe.seed)
        allowed = np.array([tag == "O" or tag[2:] in source.types for tag in tags])
        for words, word_tags in zip(rows["tokens"], rows["tags"], strict=True):
            ids, targets = align(list(words), list(word_tags), source, tokenizer, tags)
            limit = recipe.max_tokens - 2
            examples.append(Example(ids[:limit], tags=targets[:limit], allowed=allowed))
    return examples


def align(
    words: list[str], word_tags: list[str], source: TokenSource, tokenizer: "Tokenizer", tags: tuple[str, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Token ids of the words joined by spaces, and a target for the first token of each of the tokeniser's words.

    The tokeniser splits words at punctuation ("O'Brien"): its first part keeps the word's tag, the others continue it.
    Later tokens of a word have no target, since decoding reads the first token alone.
    """
    text = without_surrogates(" ".join(words))
    starts = np.cumsum([0, *(len(word) + 1 for word in words)])
    tokens = tokenise(tokenizer, [text])
    places = tokens.places(np.array([0]))
    targets = np.full(len(tokens.ids), IGNORED)
    previous = -1
    for index, (word, start) in enumerate(zip(places.words, places.starts, strict=True)):
        if index and word == places.words[index - 1]:
            continue
        origin = int(np.searchsorted(starts, start, "right")) - 1
        targets[index] = tags.index(piece_tag(word_tags[origin], origin == previous, source.types))
        previous = origin
    return tokens.ids, targets


def piece_tag(word_tag: str, continues: bool, types: list[str]) -> str:
    """The tag of a part of a word: types that the source does not annotate are no entity there."""
    if word_tag == "O" or word_tag[2:] not in types:
        return "O"
    return f"I-{word_tag[2:]}" if continues else word_tag


def text_sources(recipe: Recipe) -> list[TextSource]:
    """The recipe's text sources, checked: every label that they teach is one of the recipe's."""
    for source in (*recipe.texts, *recipe.calibration):
        if unknown := set(source.labels) - set(recipe.labels):
            raise UsageError(
                f"recipe: {source.file} teaches {sorted(unknown)}, which is not among labels {recipe.labels}"
            )
    return recipe.texts
