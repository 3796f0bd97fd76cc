"""Which columns the rows of a run have: the input's under the contract's names, and what the source adds."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from moderation.contracts import column_names
from moderation.privacy.privacy import MASKED, Privacy
from moderation.runs.types import one_schema

if TYPE_CHECKING:
    from moderation.config import Columns
    from moderation.runs.inputs import InputFile

ROLES = ("id", "body", "created_utc")
PLACE = {  # where a row comes from
    "input_shard": pa.int32(),
    "input_row": pa.int64(),
    "input_key": pa.string(),
    "input_uri": pa.string(),
}
DONE = "input_masked"  # what privacy did in a row, where there is any
INTERNAL = (*PLACE, DONE, "input_reason", "input_wanted")


@dataclass(frozen=True)
class Layout:
    """The input's columns: `origin` has the input's name for each of ours, `renamed` those that clashed.

    Whoever reads the rows reads them through `privacy`, if there is any.
    """

    schema: pa.Schema
    origin: dict[str, str]
    renamed: dict[str, str]
    privacy: Privacy | None = None

    @property
    def beside(self) -> dict[str, pa.DataType]:
        """What the source adds to the columns."""
        return {**PLACE, DONE: MASKED} if self.privacy else PLACE

    @property
    def names(self) -> list[tuple[str, str]]:
        """The columns' names, ours and the input's."""
        return [(name, self.origin[name]) for name in self.schema.names]

    def only(self, names: Iterable[str]) -> "Layout":
        """The layout of some of the columns, as far as they are there."""
        kept = [name for name in names if name in self.origin]
        schema = pa.schema([self.schema.field(name) for name in kept])
        return Layout(schema, {name: self.origin[name] for name in kept}, {}, self.privacy)


def layout(files: Sequence["InputFile"], columns: "Columns", privacy: Privacy | None = None) -> Layout:
    """The columns of all files, those of folder names among them; raises `UsageError` as `one_schema` does, and for a
    column that privacy cannot treat as one of authors."""
    kinds = {field.name: field.type for field in one_schema(files)}
    kinds |= {name: pa.string() for file in files for name, _ in file.folder_values}
    mapped = {getattr(columns, role) for role in ROLES}
    kinds = privacy.kinds(kinds, mapped) if privacy else kinds
    names = contract_names(kinds, columns)
    schema = pa.schema([(target, kinds[name]) for name, target in names.items()])
    renamed = {name: target for name, target in names.items() if name != target and name not in mapped}
    return Layout(schema, {target: name for name, target in names.items()}, renamed, privacy)


def contract_names(names: Iterable[str], columns: "Columns") -> dict[str, str]:
    """Gives mapped columns the contract's names, and columns that clash with the output's a prefix."""
    mapping = {getattr(columns, role): role for role in ROLES}
    names = list(names)
    taken = {*column_names("labelled"), *INTERNAL, *ROLES}
    used = {*taken, *names}
    found: dict[str, str] = {}
    for name in names:
        target = mapping.get(name, name)
        if name not in mapping and name in taken:
            while target in used:
                target = f"input_{target}"
            used.add(target)
        found[name] = target
    return found
