"""The columns that ingest writes, from the contract `schemas/ingested.json`, and where each comes from."""

from collections.abc import Mapping
from functools import cache
from typing import Literal, NamedTuple

import pyarrow as pa

from moderation.contracts import contract
from moderation.errors import UsageError

Kind = Literal["comment", "submission", "any"]
MOMENT = pa.timestamp("us", tz="UTC")
TYPES = {"string": pa.string(), "bigint": pa.int64(), "boolean": pa.bool_(), "timestamp": MOMENT}
MADE = ("kind", "body", "edited_utc")  # made of others, not read as they are
TEXT_OF_SUBMISSIONS = ("title", "selftext")
VITAL = ("id", "body", *TEXT_OF_SUBMISSIONS, "created_utc")  # where a name that stands twice changes what a row says


class Field(NamedTuple):
    """A column: its Arrow type, the dump's name for it, and the kind of rows that have it (all where none is named)."""

    name: str
    type: pa.DataType
    key: str
    of: str | None


@cache
def fields() -> tuple[Field, ...]:
    """The contract's columns, in order."""
    return tuple(
        Field(column["name"], TYPES[column["type"]], column.get("from", column["name"]), column.get("of"))
        for column in contract("ingested")["columns"]
    )


@cache
def schema() -> pa.Schema:
    """The Arrow schema of every file."""
    return pa.schema([(field.name, field.type) for field in fields()])


@cache
def quarantine_schema() -> pa.Schema:
    """The Arrow schema of the quarantine."""
    return pa.schema([(column["name"], TYPES[column["type"]]) for column in contract("ingested")["quarantine"]])


def read_types(kind: Kind) -> dict[str, pa.DataType]:
    """What is read of a row of that kind, with the type that it gets."""
    found = {field.name: field.type for field in fields() if field.name not in MADE and of_kind(field, kind)}
    texts = {"comment": ("body",), "submission": TEXT_OF_SUBMISSIONS, "any": ("body", *TEXT_OF_SUBMISSIONS)}[kind]
    return found | dict.fromkeys(texts, pa.string())


def of_kind(field: Field, kind: Kind) -> bool:
    """Whether rows of that kind have the column."""
    return kind == "any" or field.of in (None, kind)


def keys(kind: Kind, mapping: Mapping[str, str]) -> dict[str, str]:
    """The source's name of everything that is read: as mapped, else as Reddit's dumps have it."""
    own = {field.name: field.key for field in fields()}
    return {name: mapping.get(name, own.get(name, name)) for name in read_types(kind)}


def check_mapping(mapping: Mapping[str, str]) -> None:
    """Refuses columns that ingest does not read."""
    known = list(read_types("any"))
    for name in mapping:
        if name not in known:
            raise UsageError(f"--map {name}={mapping[name]}: ingest has no column '{name}'; one of {', '.join(known)}")
