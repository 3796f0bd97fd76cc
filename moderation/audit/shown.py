"""Text of other people's on a page: escaped, isolated, nothing invisible in it, entities and driving words marked."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import chain, pairwise
from math import ceil

from moderation.audit.words import Word

MOST = 1500  # code points of a text that are shown
BEFORE = 300  # of them before what matters, where the text is longer
STRENGTHS = 4  # classes by which a driving word is marked, by its share of the strongest
WEAKEST = 0.15  # of the strongest: a word below this is not marked
BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@dataclass(frozen=True)
class Span:
    """Code points [start, end) of a text and the type of the entity that they name."""

    start: int
    end: int
    type: str


def visible(text: str) -> str:
    """Text in which control characters and marks of direction are seen instead of obeyed; tabs and newlines stay."""
    return "".join(character if harmless(character) else named(character) for character in text)


def harmless(character: str) -> bool:
    """Whether a character may stand on a page as it is."""
    code = ord(character)
    if character in "\t\n":
        return True
    control = code < 0x20 or 0x7F <= code < 0xA0 or 0xD800 <= code < 0xE000 or code & 0xFFFE == 0xFFFE
    return not control and character not in BIDI


def named(character: str) -> str:
    """A sign for a character that is not obeyed: pictures of the old control characters, code points of the others."""
    code = ord(character)
    return chr(0x2400 + code) if code < 0x20 else f"⟨U+{code:04X}⟩"


def text_html(text: str) -> str:
    """Any text as HTML, isolated from the direction of what is around it."""
    return f"<bdi>{escape(visible(text))}</bdi>"


def short_html(text: str, most: int = 80) -> str:
    """The beginning of a text as HTML."""
    return text_html(text if len(text) <= most else text[: most - 1] + "…")


def marked_html(text: str, entities: Sequence[Span], words: Sequence[Word], focus: int = 0) -> str:
    """A text, or the part of it around `focus`, with entities and the words that raised the score marked.

    Marks may overlap: the text is cut at every border, so that no element holds another.
    """
    low, high = part(len(text), focus)
    strength = strengths(words)
    places = [(one.start, one.end) for one in entities] + [(one.start, one.end) for one in strength]
    borders = {low, high, *chain.from_iterable(places)}
    cuts = sorted(place for place in borders if low <= place <= high)
    ends = {span.end: span.type for span in entities if low < span.end <= high}
    pieces = ["… " if low else ""]
    for start, end in pairwise(cuts):
        pieces.append(piece(text[start:end], classes(start, end, entities, strength)))
        if end in ends:
            pieces.append(f'<span class="type">{escape(visible(ends[end]))}</span>')
    return "".join([*pieces, " …" if high < len(text) else ""])


def part(length: int, focus: int) -> tuple[int, int]:
    """Which code points of a text are shown."""
    low = max(0, min(focus - BEFORE, length - MOST)) if length > MOST else 0
    return low, min(length, low + MOST)


def strengths(words: Iterable[Word]) -> dict[Word, int]:
    """The words that raised the score by much, and how strongly each is marked, 1 to `STRENGTHS`."""
    raised = [word for word in words if word.weight > 0]
    most = max((word.weight for word in raised), default=1.0)
    return {word: ceil(STRENGTHS * word.weight / most) for word in raised if word.weight >= WEAKEST * most}


def classes(start: int, end: int, entities: Iterable[Span], strength: dict[Word, int]) -> list[str]:
    """The classes of a piece of text that no border cuts."""
    found = [f"w{level}" for word, level in strength.items() if word.start <= start and end <= word.end]
    named = any(span.start <= start and end <= span.end for span in entities)
    return found[:1] + (["entity"] if named else [])


def piece(text: str, names: list[str]) -> str:
    """A piece of text as HTML; what drove the score is a `mark`."""
    inner = escape(visible(text))
    if not names:
        return inner
    element = "span" if names == ["entity"] else "mark"
    return f'<{element} class="{" ".join(names)}">{inner}</{element}>'
