"""The rows of a source: which split they are in, which ones are left out."""

from hashlib import sha256
from math import ceil
from pathlib import Path

import numpy as np
import pandas as pd

from moderation.errors import UsageError
from moderation.training.recipe import Source, TextSource, TokenSource
from moderation.training.schema import check_labels, check_weights, read_columns, with_tags, with_text

UNKNOWN = "not stated"


def read_rows(folder: Path, source: Source, split: str, needed: list[str], seed: int) -> pd.DataFrame:
    """The rows of one source and split (`train` or `dev`), checked against the schema.

    A column `split` tells the two apart; where there is none, the source's `dev` file does, or a share of the texts
    (`dev_share`, by `seed`). Where there is no column for the group or the licence, the file's name and "not stated"
    stand in. Raises `UsageError` that names the file, the column and the value.
    """
    given = source.dev if split == "dev" and source.dev else source.file
    path = folder / given
    wanted = [name for name in (*needed, *source.where) if name not in (source.group, "license")]
    optional = ["split", source.group, "license", *weight_column(source)]
    rows = everything = read_columns(path, [*content_columns(source), *wanted], optional)
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


def weight_column(source: Source) -> list[str]:
    """The column of a source's weights, where it may have one: a column of labels is none."""
    named = source.weight if isinstance(source, TextSource) else None
    return [named] if named and isinstance(source, TextSource) and named not in source.labels.values() else []


def weights_of(rows: pd.DataFrame, source: TextSource) -> np.ndarray:
    """How much each row counts [rows]: 1 where the source has no weights."""
    found = [name for name in weight_column(source) if name in rows]
    return rows[found[0]].to_numpy(np.float32) if found else np.ones(len(rows), np.float32)


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
        check_weights(rows, weight_column(source), path)
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
