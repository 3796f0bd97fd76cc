"""One schema for files that differ: for each column the nearest type that holds the values of all, and that Spark has.

Pure pyarrow, on footers alone. `moderation.runs.conform` then makes arrays of these types.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa
from pyarrow import types

from moderation.errors import UsageError

if TYPE_CHECKING:
    from moderation.runs.inputs import InputFile

MICROSECONDS = pa.timestamp("us")
UTC = pa.timestamp("us", "UTC")
UNSIGNED = {pa.uint8(): pa.int16(), pa.uint16(): pa.int32(), pa.uint32(): pa.int64(), pa.uint64(): pa.decimal128(20)}
PRECISION = 38  # digits of Spark's longest decimal
DIGITS = {8: 3, 16: 5, 32: 10, 64: 19}  # of integers, by their bits


def one_schema(files: Sequence["InputFile"]) -> pa.Schema:
    """The columns of all files, in the order in which they first come, each of one type.

    Raises `UsageError` that names two files whose columns of one name cannot be of one type.
    """
    found: dict[str, pa.DataType] = {}
    first: dict[str, InputFile] = {}
    for file in files:
        for field in file.schema:
            known = found.get(field.name, pa.null())
            kind = wider(known, spark_type(field.type))
            if kind is None:
                raise UsageError(
                    f"input {file.path}: column '{field.name}' holds {field.type}, but {known} in "
                    f"{first[field.name].path}; run them one by one"
                )
            if kind != known or field.name not in found:
                found[field.name], first[field.name] = kind, file
    return pa.schema([pa.field(name, without_null(kind)) for name, kind in found.items()])


def spark_type(kind: pa.DataType) -> pa.DataType:
    """The nearest type of Spark's that holds all values of a type; null stays, as any type holds it."""
    if isinstance(kind, pa.BaseExtensionType):
        return spark_type(kind.storage_type)
    if types.is_dictionary(kind) or types.is_run_end_encoded(kind):
        return spark_type(kind.value_type)
    if types.is_map(kind):
        return pa.map_(spark_type(kind.key_type), spark_type(kind.item_type))
    if is_list(kind):
        return pa.list_(spark_type(kind.value_type))
    if types.is_struct(kind):
        return pa.struct([pa.field(field.name, spark_type(field.type)) for field in kind])
    return scalar_type(kind)


def scalar_type(kind: pa.DataType) -> pa.DataType:
    """`spark_type` of what is not nested."""
    if kind in UNSIGNED:
        return UNSIGNED[kind]
    if types.is_float16(kind):
        return pa.float32()
    if types.is_large_string(kind) or types.is_string_view(kind) or types.is_time(kind):
        return pa.string()
    if is_binary(kind):
        return pa.binary()
    if types.is_date(kind):
        return pa.date32()
    if types.is_timestamp(kind):
        return UTC if kind.tz else MICROSECONDS
    if types.is_duration(kind):
        return pa.int64()
    if types.is_decimal(kind):
        fits = kind.precision <= PRECISION and 0 <= kind.scale <= kind.precision
        return pa.decimal128(kind.precision, kind.scale) if fits else pa.string()
    return kind


def wider(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    """A type that holds the values of both, of types of Spark's; None where there is none."""
    if one == other or types.is_null(other):
        return one
    if types.is_null(one):
        return other
    if types.is_nested(one) or types.is_nested(other):
        return wider_nested(one, other)
    if is_number(one) and is_number(other):
        return wider_number(one, other)
    kinds = {one, other}
    if pa.binary() in kinds:
        return pa.binary() if kinds == {pa.binary(), pa.string()} else None
    return UTC if kinds <= {UTC, MICROSECONDS, pa.date32()} else pa.string()


def wider_nested(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    """Lists, structs and maps, item by item; structs get the fields of both."""
    if is_list(one) and is_list(other):
        item = wider(one.value_type, other.value_type)
        return None if item is None else pa.list_(item)
    if types.is_map(one) and types.is_map(other):
        parts = wider(one.key_type, other.key_type), wider(one.item_type, other.item_type)
        return None if None in parts else pa.map_(*parts)
    if not (types.is_struct(one) and types.is_struct(other)):
        return None
    fields = {field.name: field.type for field in one}
    for field in other:
        kind = wider(fields.get(field.name, pa.null()), field.type)
        if kind is None:
            return None
        fields[field.name] = kind
    return pa.struct(list(fields.items()))


def wider_number(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    """The wider integer; a double where one is a fraction; a decimal, or else text, where one is a decimal."""
    if types.is_floating(one) or types.is_floating(other):
        return pa.float64()
    if types.is_integer(one) and types.is_integer(other):
        return max(one, other, key=lambda kind: kind.bit_width)
    sizes = [
        (kind.precision, kind.scale) if types.is_decimal(kind) else (DIGITS[kind.bit_width], 0) for kind in (one, other)
    ]
    scale = max(fraction for _, fraction in sizes)
    precision = max(digits - fraction for digits, fraction in sizes) + scale
    return pa.decimal128(precision, scale) if precision <= PRECISION else pa.string()


def without_null(kind: pa.DataType) -> pa.DataType:
    """A type in which text stands where no file had a value."""
    if types.is_null(kind):
        return pa.string()
    if is_list(kind):
        return pa.list_(without_null(kind.value_type))
    if types.is_map(kind):
        return pa.map_(without_null(kind.key_type), without_null(kind.item_type))
    if types.is_struct(kind):
        return pa.struct([pa.field(field.name, without_null(field.type)) for field in kind])
    return kind


def is_list(kind: pa.DataType) -> bool:
    """Whether a type is any of Arrow's lists."""
    checks = (
        types.is_list,
        types.is_large_list,
        types.is_fixed_size_list,
        types.is_list_view,
        types.is_large_list_view,
    )
    return any(check(kind) for check in checks)


def is_binary(kind: pa.DataType) -> bool:
    """Whether a type is any of Arrow's bytes."""
    checks = (types.is_binary, types.is_large_binary, types.is_fixed_size_binary, types.is_binary_view)
    return any(check(kind) for check in checks)


def is_number(kind: pa.DataType) -> bool:
    """Whether a type is of numbers."""
    return types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind)


def is_text(kind: pa.DataType) -> bool:
    """Whether a column of this type can be a body: text, bytes, or nothing at all."""
    return types.is_null(kind) or (spark_type(kind) in (pa.string(), pa.binary()) and not types.is_time(kind))


def doubled(names: Iterable[str]) -> str | None:
    """A name that stands twice."""
    seen: set[str] = set()
    return next((name for name in names if name in seen or seen.add(name)), None)  # type: ignore[func-returns-value]
