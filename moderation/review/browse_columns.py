"""What the index keeps of published rows: small numbers in place of texts, a column for each thing to filter by.

No name from the data is ever part of a column's name or of SQL: labels, rules and entity types are numbered, and their
columns are `l0`, `r0`, `e0` and `s0` (the score of label 0).
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

PREFIX = {"label": "l", "rule": "r", "entity": "e", "score": "s"}
CODED = ("action", "subreddit")  # columns of few distinct texts, kept as numbers
READ = ("id", "status", "flagged", "action", "labels", "rules", "entities", "scores", "subreddit")


@dataclass
class Names:
    """The numbers of labels, rules and entity types, which are known beforehand, and of texts as they are met."""

    known: dict[str, list[str]]
    met: dict[str, dict[str, int]] = field(default_factory=lambda: {kind: {} for kind in CODED})

    def all(self) -> list[tuple[str, int, str]]:
        """Kind, number and name of everything."""
        given = [(kind, number, name) for kind, names in self.known.items() for number, name in enumerate(names)]
        return given + [(kind, number, name) for kind, names in self.met.items() for name, number in names.items()]


def column_types(names: Names) -> dict[str, str]:
    """The columns of the index and their SQL types: `n` numbers all rows of the run, `key` is a digest of the id."""
    found = {"n": "BIGINT", "key": "UBIGINT", "date": "SMALLINT", "scored": "BOOLEAN", "flagged": "BOOLEAN"}
    found |= dict.fromkeys(CODED, "INTEGER")
    kinds = {"label": "BOOLEAN", "rule": "BOOLEAN", "entity": "BOOLEAN", "score": "FLOAT"}
    for kind, type_ in kinds.items():
        found |= {f"{PREFIX[kind]}{number}": type_ for number in range(len(names.known[kind]))}
    return found


def index_columns(batch: pa.RecordBatch, first: int, date: int, names: Names) -> pa.Table:
    """Published rows as the index has them, in the order of `column_types`; `id` stands for `key`, as bytes."""
    rows = batch.num_rows
    found: dict[str, Any] = {
        "n": pa.array(np.arange(first, first + rows)),
        "id": pc.fill_null(as_bytes(batch, "id", rows), b""),
        "date": pa.array(np.full(rows, date, np.int16)),
        "scored": pc.equal(batch.column("status"), "scored") if "status" in batch.schema.names else pa.nulls(rows),
        "flagged": pc.fill_null(batch.column("flagged"), False),
    }
    for kind in CODED:
        found[kind] = codes(as_bytes(batch, kind, rows), names.met[kind])
    for kind, column in (("label", "labels"), ("rule", "rules"), ("entity", "entities")):
        for number, hits in enumerate(flags(batch, column, names.known[kind])):
            found[f"{PREFIX[kind]}{number}"] = pa.array(hits)
    for number, label in enumerate(names.known["score"]):
        found[f"s{number}"] = pc.cast(pc.struct_field(batch.column("scores"), [label]), pa.float32())
    return pa.table(found)


def as_bytes(batch: pa.RecordBatch, name: str, rows: int) -> pa.Array:
    """A column's texts as bytes, which need not be UTF-8; nulls where there is no such column."""
    if name not in batch.schema.names:
        return pa.nulls(rows, pa.binary())
    column = batch.column(name)
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    textual = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
    return (column if textual or pa.types.is_binary(column.type) else column.cast(pa.string())).cast(pa.binary())


def codes(column: pa.Array, met: dict[str, int]) -> pa.Array:
    """The number of each text; those that are new get the next ones."""
    found = pc.dictionary_encode(column)
    texts = [one.decode("utf-8", "replace") for one in found.dictionary.to_pylist()]
    numbers = pa.array([met.setdefault(text, len(met)) for text in texts], pa.int32())
    return numbers.take(found.indices)


def flags(batch: pa.RecordBatch, name: str, wanted: list[str]) -> list[np.ndarray]:
    """For each wanted name, which rows have it in a list; lists of entities are looked at by their type."""
    rows = batch.num_rows
    if name not in batch.schema.names or not wanted:
        return [np.zeros(rows, bool) for _ in wanted]
    column = batch.column(name)
    parents, values = pc.list_parent_indices(column).to_numpy(), column.flatten()
    if pa.types.is_struct(values.type):
        values = pc.struct_field(values, ["type"])
    found = []
    for one in wanted:
        hits = np.zeros(rows, bool)
        hits[parents[pc.fill_null(pc.equal(values, one), False).to_numpy(zero_copy_only=False)]] = True
        found.append(hits)
    return found
