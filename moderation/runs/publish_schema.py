"""Columns of a Delta table in the form of its log, which is that of Spark's `schema.json()`; runs may add to them."""

import json
from typing import TYPE_CHECKING, Any

from moderation.errors import UsageError

if TYPE_CHECKING:
    import pyarrow

PARTITION = "date"
FORBIDDEN = set(" ,;{}()\n\t=")  # in names of columns, by the Delta protocol without column mapping


def to_delta(schema: "pyarrow.Schema") -> dict[str, Any]:
    """The columns of a file, and the date, which its folder's name holds."""
    from deltalake import Schema

    found = json.loads(Schema.from_arrow(schema.remove_metadata()).to_json())
    found["fields"] = [field for field in found["fields"] if field["name"] != PARTITION]
    found["fields"].append({"name": PARTITION, "type": "string", "nullable": True, "metadata": {}})
    plain: dict[str, Any] = nullable(found)
    return plain


def nullable(kind: Any) -> Any:
    """A type in which everything may be null: the next run's rows may lack what this one's have."""
    if not isinstance(kind, dict):
        return kind
    if kind["type"] == "struct":
        fields = [
            field | {"type": nullable(field["type"]), "nullable": True, "metadata": {}} for field in kind["fields"]
        ]
        return {"type": "struct", "fields": fields}
    if kind["type"] == "array":
        return kind | {"elementType": nullable(kind["elementType"]), "containsNull": True}
    return kind | {"valueType": nullable(kind["valueType"]), "valueContainsNull": True}


def widen(old: Any, new: Any, where: str) -> Any:
    """A type with the fields of both; raises `UsageError` that names the column whose types are not one."""
    if old == new:
        return old
    kinds = [one["type"] if isinstance(one, dict) else one for one in (old, new)]
    if kinds == ["struct", "struct"]:
        fields = {field["name"]: field for field in old["fields"]}
        for field in new["fields"]:
            name = field["name"]
            before = fields.get(name, field)
            fields[name] = before | {"type": widen(before["type"], field["type"], f"{where}column '{name}' ")}
        return old | {"fields": list(fields.values())}
    if kinds == ["array", "array"]:
        return old | {"elementType": widen(old["elementType"], new["elementType"], where)}
    raise UsageError(
        f"{where}holds {kinds[0]} in the Delta table, and {kinds[1]} in this run, and a column has one type: "
        "publish to another --output, or as parquet"
    )


def check_names(schema: dict[str, Any], where: str) -> None:
    """Refuses names of columns that a Delta table cannot have."""
    seen: dict[str, str] = {}
    for name in (field["name"] for field in schema["fields"]):
        if FORBIDDEN & set(name):
            raise UsageError(
                f"{where}: column {name!r} has a character that a Delta table's columns cannot have (a space or one "
                "of ,;{}()=): rename it, or publish as parquet"
            )
        if seen.setdefault(name.lower(), name) != name:
            raise UsageError(f"{where}: columns '{seen[name.lower()]}' and '{name}' are one column in a Delta table")
