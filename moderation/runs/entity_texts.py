"""The texts of entities, cut from their bodies by offsets: whole columns at once."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def with_texts(entities: pa.ListArray, bodies: pa.Array) -> pa.ListArray:
    """Entities as lists of structs of start, end, type and score, with the text that each stands for in its body.

    `bodies` are strings or bytes; offsets count code points, as the contract has them. The score store keeps no text.
    """
    lengths = np.asarray(pc.fill_null(entities.value_lengths(), 0))
    flat = entities.flatten()
    rows = np.repeat(np.arange(len(entities)), lengths)
    starts, ends = (np.asarray(flat.field(name)).astype(np.int64) for name in ("start", "end"))
    fields = {
        "start": flat.field("start"),
        "end": flat.field("end"),
        "type": flat.field("type"),
        "text": cut(bodies, rows, starts, ends),
        "score": flat.field("score"),
    }
    offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32))
    return pa.ListArray.from_arrays(
        offsets, pa.StructArray.from_arrays(list(fields.values()), list(fields)), mask=entities.is_null()
    )


def cut(bodies: pa.Array, rows: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> pa.StringArray:
    """The code points [start, end) of the bodies in these rows (ascending)."""
    if not len(rows):
        return pa.array([], pa.string())
    needed, place = np.unique(rows, return_inverse=True)
    texts = bodies.take(pa.array(needed)).cast(pa.binary())  # only those with entities, and from offset 0
    borders = np.frombuffer(texts.buffers()[1], np.int32, len(texts) + 1)
    data = np.frombuffer(texts.buffers()[2], np.uint8, borders[-1])
    points = np.append(np.flatnonzero((data & 0xC0) != 0x80), len(data))  # where each code point begins
    base = np.searchsorted(points, borders[:-1])[place]
    first, last = points[base + starts], points[base + ends]
    lengths = last - first
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    source = np.arange(offsets[-1]) + np.repeat(first - offsets[:-1], lengths)
    return pa.StringArray.from_buffers(
        len(rows), pa.py_buffer(offsets.astype(np.int32).tobytes()), pa.py_buffer(data[source].tobytes())
    )
