"""What was read of a piece of a source, as rows of the one schema and as lines that are none."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from pyarrow import compute

from moderation.ingest.fields import VITAL, Kind, fields, read_types, schema
from moderation.ingest.values import Values, column, edits

EXCERPT = 2000  # bytes of a broken line that are kept
UNKNOWN = -(2**31)  # the day of a row without a date
MICROS_PER_DAY = 86_400_000_000
GONE = ("", "[deleted]", "[removed]")
PREFIX = "t3_"  # what Reddit puts before a submission's id


class Rejected(NamedTuple):
    """A line that is no row: where, why, its beginning and its length in bytes."""

    line: int
    reason: str
    raw: bytes
    size: int


@dataclass
class Batch:
    """Rows with the day of each (days since 1970), and what else the lines of a piece of a source were."""

    table: pa.Table
    days: np.ndarray
    lines: int
    blank: int = 0
    rejected: list[Rejected] = field(default_factory=list)
    odd: Counter[str] = field(default_factory=Counter)
    masked: Counter[str] = field(default_factory=Counter)  # what privacy did


class Assembled(NamedTuple):
    """Rows of the schema, their days, the reasons why others are none by position, and odd values per column."""

    table: pa.Table
    days: np.ndarray
    reasons: dict[int, str]
    odd: Counter[str]


def assemble(values: dict[str, Values], count: int, kind: Kind) -> Assembled:
    """Makes rows of what was read; a value that cannot be what it should is null in the row and counted.

    What a row cannot be without (id, body, a readable date where there is one) makes it a reason instead.
    """
    made: dict[str, pa.Array] = {}
    wrong: dict[str, list[int]] = {}
    for name, type_ in read_types(kind).items():
        if name != "edited" and name in values:
            made[name], wrong[name] = column(values[name], type_)
    if "edited" in values:
        (made["edited"], wrong["edited"]), made["edited_utc"] = edits(values["edited"])
    made |= texts_of(made, count, kind)
    reasons = why_not(made, wrong, count)
    arrays = [made[field.name] if field.name in made else pa.nulls(count, field.type) for field in fields()]
    table = pa.Table.from_arrays(arrays, schema=schema())
    if reasons:
        keep = np.ones(count, bool)
        keep[list(reasons)] = False
        table = table.filter(pa.array(keep))
    odd = Counter({name: len(found) for name, found in wrong.items() if found and name not in VITAL})
    return Assembled(table, days_of(table["created_utc"]), reasons, odd)


def texts_of(made: dict[str, pa.Array], count: int, kind: Kind) -> dict[str, pa.Array]:
    """Body, id and kind: a row with a title and no body is a submission, unless its kind is known."""
    empty = pa.nulls(count, pa.string())
    titles, selftexts = made.pop("title", empty), made.pop("selftext", empty)
    if kind == "comment" or (kind == "any" and titles.null_count == count and selftexts.null_count == count):
        return {"kind": pa.repeat("comment", count), "body": made.get("body", empty), "id": made.get("id", empty)}
    rows = zip(
        *(found.to_pylist() for found in (made.get("id", empty), made.get("body", empty), titles, selftexts)),
        strict=True,
    )
    found = [
        ("comment", id_, body)
        if kind == "any" and (body is not None or (title is None and selftext is None))
        else ("submission", full_id(id_), submission_text(title, selftext))
        for id_, body, title, selftext in rows
    ]
    return {
        name: pa.array([row[place] for row in found], pa.string()) for place, name in enumerate(("kind", "id", "body"))
    }


def full_id(id_: str | None) -> str | None:
    """A submission's id with its prefix: comments and submissions count apart, and would share ids."""
    return id_ if not id_ or not id_.strip() or id_.startswith(PREFIX) else PREFIX + id_


def submission_text(title: str | None, selftext: str | None) -> str | None:
    """The text of a submission; null where it has none of its parts."""
    if title is None:
        return selftext
    return title if selftext is None or selftext.strip() in GONE else f"{title}\n\n{selftext}"


def why_not(made: dict[str, pa.Array], wrong: dict[str, list[int]], count: int) -> dict[int, str]:
    """The reason for each row that is none, in the order in which `moderation run` asks."""
    reasons = dict.fromkeys(wrong.get("created_utc", []), "timestamp_unreadable")
    reasons |= dict.fromkeys(empty(made["body"]), "body_missing")
    for name in ("body", "title", "selftext"):
        reasons |= dict.fromkeys(wrong.get(name, []), "body_not_text")
    blank = compute.equal(compute.utf8_trim_whitespace(made["id"]), "")
    reasons |= dict.fromkeys(places(blank), "id_missing")
    reasons |= dict.fromkeys(empty(made["id"]), "id_missing")
    return reasons | dict.fromkeys(wrong.get("id", []), "id_not_text")


def empty(array: pa.Array) -> list[int]:
    """Where an array is null."""
    return places(array.is_null()) if array.null_count else []


def places(mask: pa.Array) -> list[int]:
    """Where a mask is true."""
    return np.flatnonzero(mask.fill_null(False).to_numpy(zero_copy_only=False)).tolist()


def days_of(moments: pa.ChunkedArray) -> np.ndarray:
    """The UTC day of each moment, as days since 1970."""
    micros = moments.cast(pa.int64()).fill_null(0).to_numpy()
    days = np.floor_divide(micros, MICROS_PER_DAY)
    days[moments.is_null().to_numpy()] = UNKNOWN
    return days


def excerpt(raw: Any) -> bytes:
    """The beginning of a broken line."""
    return bytes(raw[:EXCERPT])
