"""A row as a reviewer sees it: the text in pieces, what is around it, the questions; scores only when asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

Mark = tuple[int, int, float]  # code points [start, end) of a driving word, and by how much it moved the score
CONTEXT = {
    "subreddit": "subreddit",
    "created": "created_utc",
    "author": "author",
    "parent": "parent_body",
    "parent id": "parent_id",
    "thread": "link_id",
}


@dataclass(frozen=True)
class Segment:
    """A piece of a text that no border of an entity or a driving word cuts."""

    text: str
    entity: str | None = None
    weight: float | None = None


@dataclass(frozen=True)
class Answer:
    """A label that is asked for, the key that chooses it, and this reviewer's word on it."""

    label: str
    key: str
    word: str | None = None


@dataclass(frozen=True)
class Revealed:
    """What the run said of a row."""

    scores: dict[str, float | None]
    labels: list[str]
    action: str
    severity: str
    rules: list[str]


@dataclass(frozen=True)
class Item:
    """A row under review. `segments` join to `body`; `asked` is the label that is asked next, `words` whether driving
    words are marked (ready), still computed (computing) or not to be had (off); `third` says that two reviewers
    disagree on it; `done` that this reviewer has judged every label."""

    row_id: str
    date: str
    place: int
    body: str
    segments: list[Segment] = field(repr=False)
    context: dict[str, str]
    duplicates: int
    labels: list[Answer]
    asked: str | None
    note: str
    third: bool
    done: bool
    words: str
    revealed: Revealed | None


def make_item(
    row: Mapping[str, Any],
    labels: Sequence[str],
    said: Mapping[str, str],
    *,
    note: str = "",
    third: bool = False,
    revealed: bool = False,
    marks: Sequence[Mark] | None = None,
    words: str = "off",
) -> Item:
    """A sampled row for a reviewer who said `said` of its labels."""
    body = row["body"] or ""
    spans = [(one["start"], one["end"], one["type"]) for one in row.get("entities") or ()]
    asked = next((label for label in labels if label not in said), None)
    return Item(
        str(row["id"]),
        str(row["date"]),
        int(row["place"]),
        body,
        segments(body, spans, marks or ()),
        context_of(row),
        int(row.get("duplicates") or 1),
        [Answer(label, key_for(number), said.get(label)) for number, label in enumerate(labels)],
        asked,
        note,
        third,
        asked is None,
        "ready" if marks is not None else words,
        reveal(row) if revealed else None,
    )


def key_for(number: int) -> str:
    """The key of the label with this number; the tenth and later ones have none."""
    return str(number + 1) if number < 9 else ""


def segments(body: str, spans: Sequence[tuple[int, int, str]], marks: Sequence[Mark]) -> list[Segment]:
    """The text cut at every border of an entity or a driving word. Offsets count code points; those outside the text
    are brought inside."""
    size = len(body)
    borders = {0, size} | {min(max(at, 0), size) for one in (*spans, *marks) for at in one[:2]}
    found = []
    for start, end in pairwise(sorted(borders)):
        entity = next((kind for low, high, kind in spans if low <= start and end <= high), None)
        weight = next((weight for low, high, weight in marks if low <= start and end <= high), None)
        found.append(Segment(body[start:end], entity, weight))
    return found


def context_of(row: Mapping[str, Any]) -> dict[str, str]:
    """What else is known of a row and may be shown before the verdict: columns that are there and not empty."""
    found = {"date": str(row["date"])}
    for name, column in CONTEXT.items():
        value = row.get(column)
        if value not in (None, ""):
            found[name] = created(value) if name == "created" else str(value)
    if found.get("created", "").startswith(found["date"]):
        del found["date"]
    if found.get("thread") == found.get("parent id"):
        found.pop("thread", None)
    return found


def created(value: Any) -> str:
    """A time as people read it; seconds since 1970 are UTC."""
    if isinstance(value, int | float):
        try:
            value = datetime.fromtimestamp(value, UTC)
        except (OverflowError, ValueError, OSError):
            return str(value)
    return value.strftime("%Y-%m-%d %H:%M UTC") if isinstance(value, datetime) else str(value)


def reveal(row: Mapping[str, Any]) -> Revealed:
    """What the run said of a row."""
    return Revealed(
        dict(row.get("scores") or {}),
        list(row.get("labels") or ()),
        str(row.get("action") or "none"),
        str(row.get("severity") or "none"),
        list(row.get("rules") or ()),
    )
