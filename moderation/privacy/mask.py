"""Personal data in texts to placeholders: one text, and whole Arrow columns of them, nested ones too."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from moderation.privacy.find import Span, addresses, cards, emails
from moderation.privacy.phones import phones

ORDER = ("email", "card", "ip", "phone")  # where two overlap, the name of the first
PLACEHOLDERS = {kind: f"[{kind.upper()}]" for kind in ORDER}
# For RE2, which reads a column in one pass: a text in which this is not found has nothing to mask. An @; seven digits
# with no letter between them; the middle of an IPv4 and of an IPv6 address; a digit of another script.
SUSPECT = (
    r"@|[0-9](?:[^0-9A-Za-wyz]{0,12}[0-9]){6}|[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]|:[0-9A-Fa-f]{0,4}:|[^\P{Nd}0-9]"
)
DIGITS = re.compile(r"\d(?:[^\d]{0,12}\d){6}")
ROUNDS = 20
Counts = np.ndarray  # how many of each kind were masked in each row: a line for each of `ORDER`, a column for each row
UNUSUAL = {pa.large_string(): pa.string(), pa.string_view(): pa.string()}
UNUSUAL |= {pa.large_binary(): pa.binary(), pa.binary_view(): pa.binary()}


@dataclass(frozen=True)
class Masker:
    """Which kinds are masked, and the regions of phone numbers without a +."""

    kinds: tuple[str, ...]
    regions: tuple[str, ...]

    def text(self, text: str) -> tuple[str, dict[str, int]]:
        """The text with placeholders in the place of what was found, and how many of each kind.

        Asked again until nothing is found: what stands beside a placeholder may be known only now. So what was masked
        once is not changed by being masked again.
        """
        counts: dict[str, int] = {}
        for _ in range(ROUNDS):
            spans = merged(self.spans(text))
            if not spans:
                break
            parts, end = [], 0
            for (start, stop), kind in spans:
                parts += [text[end:start], PLACEHOLDERS[kind]]
                counts[kind] = counts.get(kind, 0) + 1
                end = stop
            text = "".join([*parts, text[end:]])
        return text, counts

    def spans(self, text: str) -> Iterator[tuple[Span, str]]:
        """Everything that is found, each with its kind."""
        if "email" in self.kinds and "@" in text:
            yield from ((span, "email") for span in emails(text))
        if "ip" in self.kinds:
            yield from ((span, "ip") for span in addresses(text))
        if DIGITS.search(text):
            if "card" in self.kinds:
                yield from ((span, "card") for span in cards(text))
            if "phone" in self.kinds:
                yield from ((span, "phone") for span in phones(text, self.regions))

    def column(self, array: pa.Array, wanted: Callable[[str], bool] | None = None) -> tuple[pa.Array, Counts | None]:
        """A column with its texts masked, and what was masked in each row; the same column where nothing was.

        Structs, lists and maps are masked in all their texts. Only those that are `wanted`, where that is given.
        """
        kind = array.type
        if types.is_struct(kind):
            return self.struct(array)
        if types.is_list(kind) or types.is_map(kind):
            return self.listed(array)
        if types.is_string(kind) or types.is_binary(kind):
            return self.texts(array, wanted)
        if types.is_nested(kind) or types.is_dictionary(kind) or isinstance(kind, pa.BaseExtensionType):
            raise TypeError(f"a column of {kind} cannot be masked")  # what is not conformed must not pass in silence
        if kind in UNUSUAL:
            made, found = self.texts(array.cast(UNUSUAL[kind]), wanted)
            return made.cast(kind), found
        return array, None

    def texts(self, array: pa.Array, wanted: Callable[[str], bool] | None) -> tuple[pa.Array, Counts | None]:
        """`column` of strings, or of bytes that may be text; bytes that are no UTF-8 stay what they are."""
        suspects = pc.match_substring_regex(array.view(pa.string()), SUSPECT)
        rows = np.flatnonzero(pc.fill_null(suspects, False).to_numpy(zero_copy_only=False))
        changed: list[int] = []
        texts: list[bytes] = []
        counts: list[dict[str, int]] = []
        for row, raw in zip(rows.tolist(), array.take(pa.array(rows)).view(pa.binary()).to_pylist(), strict=True):
            text = raw.decode("utf-8", "surrogateescape")
            masked, found = ("", {}) if wanted and not wanted(text) else self.text(text)
            if found:
                changed.append(row)
                texts.append(masked.encode("utf-8", "surrogateescape"))
                counts.append(found)
        if not changed:
            return array, None
        here = np.zeros(len(array), bool)
        here[changed] = True
        made = pc.replace_with_mask(array.view(pa.binary()), pa.array(here), pa.array(texts, pa.binary()))
        return made.view(array.type), counted(changed, counts, len(array))

    def struct(self, array: pa.StructArray) -> tuple[pa.Array, Counts | None]:
        """`column` of structs: field by field."""
        found = [self.column(field) for field in array.flatten()]
        counts = total((one for _, one in found), len(array))
        if counts is None:
            return array, None
        fields = list(array.type)
        return pa.StructArray.from_arrays([one for one, _ in found], fields=fields, mask=array.is_null()), counts

    def listed(self, array: pa.ListArray) -> tuple[pa.Array, Counts | None]:
        """`column` of lists and maps: item by item."""
        plain = array
        if types.is_map(array.type):
            plain = array.view(pa.list_(pa.struct([array.type.key_field, array.type.item_field])))
        items, counts = self.column(plain.flatten())
        if counts is None:
            return array, None
        lengths = np.asarray(pc.fill_null(plain.value_lengths(), 0))
        offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32))
        parents = np.repeat(np.arange(len(array)), lengths)
        made = pa.ListArray.from_arrays(offsets, items, type=plain.type, mask=plain.is_null())
        return made.view(array.type), gathered(counts, parents, len(array))


def counted(rows: list[int], counts: list[dict[str, int]], length: int) -> Counts:
    """The counts of some rows of a column; nothing in the others."""
    made = np.zeros((len(ORDER), length), np.int32)
    for place, kind in enumerate(ORDER):
        made[place, rows] = [one.get(kind, 0) for one in counts]
    return made


def gathered(found: Counts, parents: np.ndarray, length: int) -> Counts:
    """The counts of items added up by the row that each is in."""
    return np.array([np.bincount(parents, one, length) for one in found]).astype(np.int32)


def total(every: Iterable[Counts | None], length: int) -> Counts | None:
    """The sum for each row, over columns; None where nothing was masked."""
    known = [one for one in every if one is not None]
    return sum(known, np.zeros((len(ORDER), length), np.int32)) if known else None


def merged(spans: Iterator[tuple[Span, str]]) -> list[tuple[Span, str]]:
    """Spans in order, those that overlap as one."""
    made: list[tuple[Span, str]] = []
    for (start, end), kind in sorted(spans):
        if made and start < made[-1][0][1]:
            (first, last), before = made[-1]
            made[-1] = (first, max(last, end)), min(before, kind, key=ORDER.index)
        else:
            made.append(((start, end), kind))
    return made
