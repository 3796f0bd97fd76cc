"""Values of drifting types to Arrow columns: all at once where they are alike, else one by one.

Every function takes a list or an Arrow array and returns the column and the positions of values that cannot be what
they should; those are null in the column.
"""

import datetime
import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from pyarrow import types

from moderation.ingest.fields import MOMENT

Values: TypeAlias = list[Any] | Any  # or a pyarrow.Array
Found: TypeAlias = tuple[pa.Array, list[int]]
FIRST_SECOND, LAST_SECOND = -62135596800, 253402300799  # years 1 to 9999, as `moderation run` has them
UNITS = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
TROUBLE = (pa.ArrowException, TypeError, ValueError, OverflowError)
PLAIN = (False, None, True)  # 0 and 1 are equal to two of them
YES, NO = ("true", "1", "yes"), ("false", "0", "no")


def column(values: Values, kind: pa.DataType) -> Found:
    """A column of one of the four types."""
    if isinstance(values, list) and values.count(None) == len(values):  # as most columns are in most years
        return pa.nulls(len(values), kind), []
    return {pa.string(): texts, pa.int64(): integers, pa.bool_(): booleans, MOMENT: moments}[kind](values)


def texts(values: Values) -> Found:
    """Text; whole numbers as their digits, bytes as UTF-8."""
    if isinstance(values, pa.Array):
        values = plain(values)
        if not (types.is_string(values.type) or types.is_integer(values.type) or types.is_binary(values.type)):
            return one_by_one(values, as_text, pa.string())
        try:
            made = values.cast(pa.string())
            made.validate(full=True)  # careless writers leave strings that are not UTF-8
            return made, []
        except TROUBLE:
            return one_by_one(values.cast(pa.binary()), as_text, pa.string())
    try:
        return pa.array(values, pa.string()), []
    except TROUBLE:
        return one_by_one(values, as_text, pa.string())


def integers(values: Values) -> Found:
    """Whole numbers, also written as text or as a float without a fraction."""
    known = as_guessed(values, pa.int64(), (types.is_integer, types.is_floating))
    return (known, []) if known is not None else one_by_one(values, as_integer, pa.int64())


def booleans(values: Values) -> Found:
    """True and false, also as 1 and 0 or as text."""
    known = as_guessed(values, pa.bool_(), (types.is_boolean,))
    return (known, []) if known is not None else one_by_one(values, as_boolean, pa.bool_())


def as_guessed(values: Values, kind: pa.DataType, allowed: tuple[Callable[[pa.DataType], bool], ...]) -> Any:
    """All values at once in a type, where Arrow reads them as null or as one allowed; else None."""
    try:
        found = guessed(values)
        fits = types.is_null(found.type) or any(check(found.type) for check in allowed)
        return found.cast(kind) if fits else None
    except TROUBLE:
        return None


def moments(values: Values) -> Found:
    """Timestamps of any unit, epoch seconds, or either as text; without a time zone it is UTC."""
    try:
        found = guessed(values)
        if types.is_timestamp(found.type):
            return scaled(found.cast(pa.int64()), UNITS[found.type.unit])
        if types.is_date(found.type):
            return scaled(found.cast(pa.timestamp("s")).cast(pa.int64()), 1)
        if types.is_null(found.type) or types.is_integer(found.type):
            return scaled(found.cast(pa.int64()), 1)
        if types.is_floating(found.type):
            return scaled(found.cast(pa.float64()), 1)
        if types.is_string(found.type):  # seconds as text, as some years have them
            return scaled(found.cast(pa.int64()), 1)
    except TROUBLE:
        pass
    return one_by_one(values, as_micros, MOMENT)


def edits(values: Values) -> tuple[Found, pa.Array]:
    """What dumps say of edits (false, true, or the epoch second of the last) as a boolean and a moment."""
    try:
        found = guessed(values)
        if types.is_boolean(found.type) or types.is_null(found.type):
            return (found.cast(pa.bool_()), []), pa.nulls(len(found), MOMENT)
    except TROUBLE:
        pass
    listed = values.to_pylist() if isinstance(values, pa.Array) else values
    if any(isinstance(value, str) for value in listed):
        listed = [value if (flag := as_flag(value)) is None else flag for value in listed]
    when, odd = moments([None if value in PLAIN else value for value in listed])
    flags = [None if value is None else value != 0 for value in listed]
    for position in odd:
        flags[position] = None
    return (pa.array(flags, pa.bool_()), odd), when


def as_flag(value: object) -> bool | None:
    """True or false where a value is one of them as such, 0 included; else None."""
    if isinstance(value, str):
        value = {**dict.fromkeys(YES, True), **dict.fromkeys(NO, False)}.get(value.strip().lower())
    return bool(value) if isinstance(value, bool) or (isinstance(value, int | float) and value in (0, 1)) else None


def plain(values: pa.Array) -> pa.Array:
    """An array of the nearest type without large offsets, views or dictionaries."""
    kind = values.type.value_type if types.is_dictionary(values.type) else values.type
    if types.is_large_string(kind) or types.is_string_view(kind):
        kind = pa.string()
    if types.is_large_binary(kind) or types.is_binary_view(kind) or types.is_fixed_size_binary(kind):
        kind = pa.binary()
    if types.is_float16(kind):
        kind = pa.float32()
    return pa.nulls(len(values), pa.string()) if types.is_null(kind) else values.cast(kind)


def guessed(values: Values) -> pa.Array:
    """Values as an array of the type that Arrow finds in them; raises where they have none in common."""
    return plain(values) if isinstance(values, pa.Array) and not types.is_null(values.type) else pa.array(values)


def scaled(numbers: pa.Array, unit: int) -> Found:
    """Numbers of units since 1970 as moments; those outside the years 1 to 9999 are null and told."""
    valid = numbers.is_valid().to_numpy(zero_copy_only=False)
    amounts = numbers.fill_null(0).to_numpy(zero_copy_only=False)
    inside = (amounts >= FIRST_SECOND * unit) & (amounts < (LAST_SECOND + 1) * unit)
    amounts = np.where(inside, amounts, 0)
    if amounts.dtype.kind == "f":
        micros = np.rint(amounts * 1e6).astype(np.int64)
    else:
        micros = amounts * (1_000_000 // unit) if unit <= 1_000_000 else amounts // (unit // 1_000_000)
    found = pa.array(micros, pa.int64(), mask=~(valid & inside))
    return found.cast(MOMENT), np.flatnonzero(valid & ~inside).tolist()


def one_by_one(values: Values, convert: Callable[[Any], Any], kind: pa.DataType) -> Found:
    """The slow way, for a column of several types; null stays null."""
    listed = values.to_pylist() if isinstance(values, pa.Array) else values
    made: list[Any] = []
    odd: list[int] = []
    for position, value in enumerate(listed):
        try:
            made.append(None if value is None else convert(value))
        except TROUBLE:
            made.append(None)
            odd.append(position)
    return pa.array(made, kind), odd


def as_text(value: object) -> str:
    """A value as text; raises where it is neither text nor a whole number."""
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, str):
        value.encode()  # half a surrogate pair is no text
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise TypeError


def as_integer(value: object) -> int | None:
    """A value as a whole number of 64 bits."""
    if isinstance(value, str):
        if not value.strip():
            return None
        value = int(value) if value.strip().lstrip("+-").isdecimal() else float(value)
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal) or int(value) != value:
        raise TypeError
    if not -(2**63) <= value < 2**63:
        raise OverflowError
    return int(value)


def as_boolean(value: object) -> bool | None:
    """A value as true or false."""
    if isinstance(value, str) and not value.strip():
        return None
    flag = as_flag(value)
    if flag is None:
        raise ValueError
    return flag


def as_micros(value: object) -> int | None:
    """A value as microseconds since 1970."""
    if isinstance(value, str):
        value = value.strip()
        if not value:
            return None
        try:
            value = int(value) if value.isdecimal() else float(value)
        except ValueError:
            value = datetime.datetime.fromisoformat(str(value))
    if isinstance(value, datetime.datetime):
        moment = value if value.tzinfo else value.replace(tzinfo=datetime.UTC)
        return (moment - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)) // datetime.timedelta(microseconds=1)
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise TypeError
    if not FIRST_SECOND <= value < LAST_SECOND + 1:  # NaN is not
        raise ValueError
    whole = math.floor(value)
    return whole * 1_000_000 + round((value - whole) * 1_000_000)
