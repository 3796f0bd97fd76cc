"""The pages as HTML: templates in which everything is escaped, and other people's texts with what is marked in them."""

from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from moderation.audit.document import percent
from moderation.audit.shown import STRENGTHS, WEAKEST, visible

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).parent / "templates"


class Segment(Protocol):
    """A piece of a text: within one entity or none, within one driving word or none."""

    @property
    def text(self) -> str:
        """The piece as written."""

    @property
    def entity(self) -> str | None:
        """The type of the entity that it belongs to."""

    @property
    def weight(self) -> float | None:
        """By how much the word that it belongs to moved the score."""


class Piece(NamedTuple):
    """A piece of a text as it is shown: `level` 0 for no driving word, `tag` the entity's type after its last piece."""

    text: str
    entity: str | None
    level: int
    tag: str | None


def render(template: str, **context: Any) -> str:
    """A page, or a part of one; a name that the template needs and did not get is an error."""
    return environment().get_template(template).render(**context)


@cache
def environment() -> "Environment":
    """The templates, read once: what is escaped does not depend on a file's name."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    found = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= {"visible": lambda text: visible(str(text)), "percent": percent, "pieces": pieces, "plain": plain}
    return found


def pieces(segments: Sequence[Segment]) -> list[Piece]:
    """The segments of a text as they are shown: control characters seen, driving words by strength."""
    most = max((one.weight for one in segments if one.weight and one.weight > 0), default=0.0)
    following = [after.entity for _, after in pairwise(segments)] + [None] if segments else []
    return [
        Piece(
            visible(one.text.replace("\r\n", "\n")),
            one.entity,
            level(one.weight, most),
            one.entity if one.entity != after else None,
        )
        for one, after in zip(segments, following, strict=True)
    ]


def level(weight: float | None, most: float) -> int:
    """How strongly a driving word is marked, 1 to `STRENGTHS`; 0 where it is not."""
    return ceil(STRENGTHS * weight / most) if weight and most and weight >= WEAKEST * most else 0


def plain(label: str) -> str:
    """A label's name as people read it."""
    return visible(label).replace("_", " ")
