"""Training data: Parquet rows to token ids and masked targets."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from moderation.errors import UsageError
from moderation.inference.tokenise import Tokens, tokenise, with_case
from moderation.text.normalise import without_surrogates
from moderation.training.recipe import Recipe, TextSource, TokenSource
from moderation.training.rows import read_rows, weights_of

if TYPE_CHECKING:
    from tokenizers import Tokenizer

IGNORED = -100  # torch's own value for a token that has no target


@dataclass(frozen=True)
class Example:
    """One text: its token ids, its label targets (NaN: not judged), or its tag targets and the tags allowed there.

    `weight` is how much a text's labels count beside those of the others."""

    ids: np.ndarray
    labels: np.ndarray | None = None
    tags: np.ndarray | None = None
    allowed: np.ndarray | None = None
    weight: float = 1.0


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
        texts, weights = token_ids(rows["text"], tokenizer, recipe), weights_of(rows, source)
        for ids, target, weight in zip(texts, targets, weights, strict=True):
            examples.append(Example(ids, labels=target, weight=float(weight)))
    return examples


def token_ids(texts: pd.Series, tokenizer: "Tokenizer", recipe: Recipe) -> list[np.ndarray]:
    """Token ids of each text, at most a window's, without special tokens."""
    tokens, limit = read(tokenizer, [without_surrogates(text) for text in texts], recipe.case), recipe.max_tokens - 2
    return [
        tokens.ids[low : min(low + limit, high)] for low, high in zip(tokens.bounds, tokens.bounds[1:], strict=False)
    ]


def read(tokenizer: "Tokenizer", texts: list[str], case: bool) -> Tokens:
    """Tokens as a model sees them that reads the case of words, or does not."""
    tokens = tokenise(tokenizer, texts)
    return with_case(tokens, texts) if case else tokens


def token_examples(
    recipe: Recipe, folder: Path, split: str, tokenizer: "Tokenizer", tags: tuple[str, ...]
) -> list[Example]:
    """The sentences of every source with one target per word piece that starts a word, and the tags it may take."""
    examples: list[Example] = []
    for source in recipe.tokens:
        rows = read_rows(folder, source, split, ["tokens", "tags"], recipe.seed)
        allowed = np.array([tag == "O" or tag[2:] in source.types for tag in tags])
        for words, word_tags in zip(rows["tokens"], rows["tags"], strict=True):
            ids, targets = align(list(words), list(word_tags), source, tokenizer, tags, recipe.case)
            limit = recipe.max_tokens - 2
            examples.append(Example(ids[:limit], tags=targets[:limit], allowed=allowed))
    return examples


def align(
    words: list[str],
    word_tags: list[str],
    source: TokenSource,
    tokenizer: "Tokenizer",
    tags: tuple[str, ...],
    case: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Token ids of the words joined by spaces, and a target for the first token of each of the tokeniser's words.

    The tokeniser splits words at punctuation ("O'Brien"): its first part keeps the word's tag, the others continue it.
    Later tokens of a word have no target, since decoding reads the first token alone.
    """
    text = without_surrogates(" ".join(words))
    starts = np.cumsum([0, *(len(word) + 1 for word in words)])
    tokens = read(tokenizer, [text], case)
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
