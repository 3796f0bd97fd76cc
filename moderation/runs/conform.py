"""Arrow arrays made to be of the types of `moderation.runs.types`: column by column, never row by row."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from moderation.runs.types import is_list

LARGEST = np.iinfo(np.int64).max
PER_UNIT = {"s": 1_000_000, "ms": 1_000}  # microseconds


def conform(array: pa.Array, kind: pa.DataType) -> pa.Array:
    """The array's values as another type; raises `pyarrow.ArrowException` for a value that the type cannot hold."""
    found = array.type
    if found == kind:
        return array
    if types.is_null(found):
        return pa.nulls(len(array), kind)
    if isinstance(array, pa.ExtensionArray):
        return conform(array.storage, kind)
    if types.is_dictionary(found):
        return conform(array.dictionary_decode(), kind)
    if types.is_run_end_encoded(found):
        return conform(pc.run_end_decode(array), kind)
    if types.is_struct(found) and types.is_struct(kind):
        return struct(array, kind)
    if is_list(found) and is_list(kind):
        return listed(array, kind)
    return scalars(array, kind)


def struct(array: pa.StructArray, kind: pa.StructType) -> pa.StructArray:
    """A struct with the fields of `kind`, null where the array has none of the name."""
    names = {field.name: place for place, field in enumerate(array.type)}
    columns = [
        conform(array.field(names[field.name]), field.type) if field.name in names else pa.nulls(len(array), field.type)
        for field in kind
    ]
    return pa.StructArray.from_arrays(columns, fields=list(kind), mask=array.is_null())


def listed(array: pa.Array, kind: pa.ListType) -> pa.ListArray:
    """A list of the items of `kind`; `flatten` leaves out what stands behind nulls, and so do the lengths."""
    lengths = np.where(np.asarray(array.is_null()), 0, np.asarray(pc.fill_null(array.value_lengths(), 0)))
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    items = conform(array.flatten(), kind.value_type)
    return pa.ListArray.from_arrays(pa.array(offsets), items, type=kind, mask=array.is_null())


def scalars(array: pa.Array, kind: pa.DataType) -> pa.Array:
    """A cast that keeps bytes which are no UTF-8 for the quarantine to find, and cuts times to the microsecond."""
    if types.is_timestamp(array.type) and types.is_timestamp(kind):
        return micros(array).cast(kind)
    if types.is_time(array.type):
        return array.cast(pa.time64("us"), safe=False).cast(kind)
    if types.is_duration(array.type):
        return array.cast(pa.duration("us"), safe=False).cast(kind)
    return pc.cast(array, options=pc.CastOptions(target_type=kind, allow_invalid_utf8=True))


def micros(array: pa.TimestampArray) -> pa.Array:
    """Times as microseconds: finer ones are cut; what no microseconds can hold stands at the end of time, where the
    calendar ends long before."""
    zone, factor = array.type.tz, PER_UNIT.get(array.type.unit)
    if factor is None:
        return array.cast(pa.timestamp("us", zone), safe=False)
    counts, limit = array.view(pa.int64()), LARGEST // factor
    within = pc.max_element_wise(pc.min_element_wise(counts, limit, skip_nulls=False), -limit, skip_nulls=False)
    return within.view(array.type).cast(pa.timestamp("us", zone))
