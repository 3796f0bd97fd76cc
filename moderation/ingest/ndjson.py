"""Lines of JSON to rows: a whole block by the fast parser, line by line where a line of it is no row."""

import json
from collections import Counter
from collections.abc import Mapping
from operator import attrgetter
from typing import Any, NoReturn

import msgspec
import numpy as np
import pyarrow as pa

from moderation.ingest.batch import Batch, Rejected, assemble, excerpt
from moderation.ingest.fields import MOMENT, TEXT_OF_SUBMISSIONS, VITAL, Kind, keys
from moderation.ingest.fields import read_types as types_of
from moderation.ingest.lines import Block

# What a field may be over the years. Anything else is seen by the slow path, which takes any JSON.
TEXTS = ("body", *TEXT_OF_SUBMISSIONS)
TEXT, IDENTIFIER = str | None, str | int | None
UNIONS = {
    pa.string(): TEXT,
    pa.int64(): int | float | str | None,
    pa.bool_(): bool | int | str | None,
    MOMENT: int | float | str | None,
}


class Meta(msgspec.Struct, gc=False):
    """What archivers note beside Reddit's own fields."""

    removal_type: str | None = None


class NdJson:
    """Reads blocks of lines of one kind with one mapping of names."""

    def __init__(self, kind: Kind, mapping: Mapping[str, str]) -> None:
        self.kind = kind
        self.keys = keys(kind, mapping)
        self.meta = "removal_type" not in mapping
        wanted = [(name, self.union(name, type_), None) for name, type_ in types_of(kind).items()]
        rename = self.keys | ({"removal_type": "_meta"} if self.meta else {})
        self.row = msgspec.defstruct("Row", wanted, rename=rename, gc=False)
        decoder = msgspec.json.Decoder(self.row)
        self.decode, self.decode_lines = decoder.decode, decoder.decode_lines
        self.getters = {name: attrgetter(name) for name in self.keys}
        self.vital = {name: json.dumps(self.keys[name]).encode() for name in VITAL if name in self.keys}

    def union(self, name: str, type_: pa.DataType) -> Any:
        """The types that a field has in well-formed lines."""
        if name == "removal_type" and self.meta:
            return Meta | None
        if name == "edited":
            return bool | int | float | str | None
        return IDENTIFIER if name == "id" or name.endswith("_id") else UNIONS[type_]

    def read(self, block: Block) -> Batch:
        """The rows of a block, and its lines that are none."""
        if block.too_long:
            return Batch(*nothing(self.kind), 1, 0, [reject(block.first, "line_too_long", block)])
        if is_utf8(block.content):
            try:
                return self.all_at_once(block)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, Doubt):
                pass
        return self.one_by_one(block)

    def all_at_once(self, block: Block) -> Batch:
        """A block whose lines are all rows; raises where one is none, or where a name may stand twice in one."""
        if lines := objects(block.content):
            rows = self.decode_lines(block.content)
            if len(rows) != lines:
                raise Doubt
        else:
            rows = list(map(self.decode, block.content.split(b"\n")))
        values = self.columns(rows)
        for name, key in self.vital.items():
            if more_often(block.content, key, len(rows) - values[name].count(None)):
                raise Doubt
        return self.batch(values, list(range(len(rows))), len(rows), block, [])

    def one_by_one(self, block: Block) -> Batch:
        """A block with lines that are blank, broken or odd."""
        lines = block.content.split(b"\n")
        rows, kept, rejected = [], [], []
        for place, line in enumerate(lines):
            if not line.strip():
                continue
            row = self.careful(line)
            if isinstance(row, str):
                rejected.append(Rejected(block.first + place, row, excerpt(line), len(line)))
            else:
                rows.append(row)
                kept.append(place)
        return self.batch(self.columns(rows), kept, len(lines), block, rejected)

    def careful(self, line: bytes) -> Any:
        """A line's row, or the reason why it has none."""
        if (line.isascii() or is_utf8(line)) and all(line.count(key) < 2 for key in self.vital.values()):
            try:
                return self.decode(line)
            except (msgspec.MsgspecError, RecursionError):
                pass
        return self.any_json(line)

    def any_json(self, line: bytes) -> Any:
        """The same by the standard library, which takes any JSON and tells what is wrong."""
        try:
            value, names = parsed(line)
        except UnicodeDecodeError:
            return "not_utf8"
        except (ValueError, RecursionError):
            return "not_json"
        if not isinstance(value, dict):
            return "not_object"
        if b"\\u" in line and not encodable(value):
            return "lone_surrogate"
        if any(names[self.keys[name]] > 1 for name in self.vital):
            return "duplicate_key"
        if any(not isinstance(value.get(self.keys[name]), str | None) for name in TEXTS if name in self.keys):
            return "body_not_text"
        fields = {name: value.get(key) for name, key in self.keys.items()}
        if self.meta:
            about = value.get("_meta")
            fields["removal_type"] = Meta(about.get("removal_type")) if isinstance(about, dict) else None
        return self.row(**fields)

    def columns(self, rows: list[Any]) -> dict[str, list[Any]]:
        """The values of each field."""
        values = {name: list(map(get, rows)) for name, get in self.getters.items()}
        if self.meta:
            values["removal_type"] = [about and about.removal_type for about in values["removal_type"]]
        return values

    def batch(
        self,
        values: dict[str, list[Any]],
        kept: list[int],
        count: int,
        block: Block,
        rejected: list[Rejected],
    ) -> Batch:
        """Rows of the schema; `kept` are their places among so many lines."""
        table, days, reasons, odd = assemble(values, len(kept), self.kind)
        blank = count - len(kept) - len(rejected)
        lines = block.content.split(b"\n") if reasons else []
        for position, reason in reasons.items():
            line = lines[kept[position]]
            rejected.append(Rejected(block.first + kept[position], reason, excerpt(line), len(line)))
        return Batch(table, days, count, blank, sorted(rejected), odd)


class Doubt(Exception):
    """A block needs a closer look."""


def nothing(kind: Kind) -> tuple[pa.Table, np.ndarray]:
    """No rows, no days."""
    return assemble({"id": [], "body": []}, 0, "comment")[:2]


def reject(line: int, reason: str, block: Block) -> Rejected:
    """A line of which only the beginning is known."""
    return Rejected(line, reason, excerpt(block.content), block.too_long)


def is_utf8(content: bytes) -> bool:
    """Whether bytes are UTF-8, fields that nobody reads included, without making text of them."""
    offsets = np.array([0, len(content)], np.int32)
    text = pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(offsets), pa.py_buffer(content)])
    try:
        text.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def objects(content: bytes) -> int:
    """How many lines there are where each ends with } and the next begins with {, else 0.

    Within JSON no { follows a }, so that no such end of a line is inside an object: as many objects as lines are one
    on each.
    """
    if not (content.startswith(b"{") and content.endswith(b"}")):
        return 0
    data = np.frombuffer(content, np.uint8)
    ends = np.flatnonzero(data == ord("\n"))
    alike = np.all(data[ends - 1] == ord("}")) and np.all(data[ends + 1] == ord("{"))
    return len(ends) + 1 if alike else 0


def more_often(content: bytes, key: bytes, times: int) -> bool:
    """Whether a key stands in bytes more than so many times.

    Four bytes of it are counted before all of it, by numpy as numbers of 32 bits: three times as fast.
    """
    if len(key) >= 4:
        part = b"d_ut" if b"d_ut" in key else key[:4]  # created_utc begins like created
        beginning = np.frombuffer(part, np.uint32)[0]
        words = (np.frombuffer(content, np.uint32, max(0, (len(content) - shift) // 4), shift) for shift in range(4))
        if len(content) > 7 and sum(int(np.count_nonzero(found == beginning)) for found in words) <= times:
            return False
    return content.count(key) > times


def parsed(line: bytes) -> tuple[Any, Counter[str]]:
    """A line's JSON, and how often each name stands in its outermost object."""
    names: Counter[str] = Counter()

    def note(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names.clear()  # the outermost object is the last to be complete
        names.update(name for name, _ in pairs)
        return dict(pairs)

    return json.loads(line.decode(), object_pairs_hook=note, parse_constant=no_constant), names


def no_constant(name: str) -> NoReturn:
    """NaN and Infinity are no JSON."""
    raise ValueError(name)


def encodable(value: Any) -> bool:
    """Whether all text in a value can be written as UTF-8."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True
