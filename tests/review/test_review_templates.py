"""Every template escapes every text of others, asks for nothing from elsewhere and has no code or style in it."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import pytest

from moderation.review.render import TEMPLATES, pieces, render
from tests.review.hostile_strings import HOSTILE


@dataclass
class Segment:
    """A piece of a text."""

    text: str
    entity: str | None = None
    weight: float | None = None


@dataclass
class Answer:
    """A label and its word."""

    label: str
    key: int
    word: str | None = None


@dataclass
class Item:
    """What a page of the queue shows."""

    row_id: str = "r1"
    date: str = "2026-01-05"
    segments: list[Segment] = field(default_factory=lambda: [Segment("plain "), Segment("Paris", "LOC")])
    context: dict[str, str] = field(default_factory=dict)
    duplicates: int = 3
    labels: list[Answer] = field(default_factory=lambda: [Answer("identity_attack", 1)])
    note: str = ""
    third: bool = True
    revealed: dict[str, Any] | None = None
    words: str = "ready"


PROGRESS = {"mine": 1, "done": 2, "total": 9, "left": 7, "per_minute": 12.5, "second": None, "estimates": []}


def pages(text: str) -> dict[str, str]:
    """Every template with a text of somebody else's wherever there may be one."""
    viewer = {"reviewer": text, "csrf": text}
    shown = {"scores": {text: 0.5, "b": None}, "labels": [text], "action": text, "rules": [text]}
    item = Item(
        row_id=text,
        date=text,
        segments=[Segment(text, text, 1.0), Segment(text, None, 0.1), Segment(text)],
        context={text: text},
        labels=[Answer(text, 1, "yes")],
        note=text,
        revealed=shown,
    )
    one = {"label": text, "measure": "recall", "value": 0.5, "low": 0.25, "high": 0.75, "n": 9}
    progress = PROGRESS | {"estimates": [one, one | {"measure": "precision", "value": None}]}
    review = {
        "viewer": viewer,
        "progress": progress,
        "message": text,
        "run_id": text,
        "sample_id": text,
        "picture": "",
        "last": text,
    }
    drawn = {"viewer": viewer, "run_id": text, "size": 300}
    return {
        "review": render("review.html", item=item, **review),
        "done": render("review.html", item=None, **review),
        "item": render("item.html", item=item, progress=progress),
        "live": render("live.html", progress=progress, picture=""),
        "signin": render("signin.html", viewer=None, csrf=text, message=text, names=[text], token_needed=True),
        "error": render("error.html", viewer=None, status=404, message=text, hint=text),
        "none": render("sample.html", sample={"state": "failed", "line": text}, **drawn),
        "drawn": render("sample.html", sample={"state": "running", "line": text}, **drawn),
    }


class Elements(HTMLParser):
    """The elements and attributes of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, tuple[str, ...]]] = []
        self.addresses: set[str] = set()
        self.words: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, tuple(name for name, _ in attrs)))
        self.addresses |= {value or "" for name, value in attrs if name in ("href", "src", "action")}

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_adds_no_element_and_no_attribute(text) -> None:
    calm = pages("calm")
    for name, page in pages(text).items():
        elements = Elements(page)
        assert elements.found == Elements(calm[name]).found, name
        assert not {"\x00", "\x1b", "\u202e"} & set("".join(elements.words)), name


def test_no_page_has_code_or_style_in_it_or_asks_elsewhere() -> None:
    for name, page in pages("calm").items():
        elements = Elements(page)
        for tag, attributes in elements.found:
            assert tag not in ("style", "img", "iframe", "object", "embed", "base"), (name, tag)
            assert not [one for one in attributes if one == "style" or one.startswith("on")], (name, tag, attributes)
        assert all(one.startswith(("/", "#")) and not one.startswith("//") for one in elements.addresses), name
    for path in TEMPLATES.glob("*.html"):
        trusted = re.findall(r"\{\{ *(\w+) *\|safe", path.read_text(encoding="utf-8"))
        assert trusted in ([], ["picture"]), path  # the picture is drawn by us, and nothing else is trusted


def test_a_missing_value_is_an_error_and_not_a_gap() -> None:
    with pytest.raises(Exception, match="picture"):
        render("live.html", progress=PROGRESS)


def test_segments_come_out_whole_with_their_marks() -> None:
    text = [Segment("You "), Segment("utter ", None, 0.1), Segment("fool", None, 2.0), Segment(" of "),
            Segment("Lower ", "LOC", 1.0), Segment("Harbour", "LOC"), Segment(". cold", None, -3.0)]  # fmt: skip
    found = pieces(text)
    assert "".join(one.text for one in found) == "You utter fool of Lower Harbour. cold"
    assert [one.level for one in found] == [0, 0, 4, 0, 2, 0, 0]
    assert [one.tag for one in found] == [None, None, None, None, None, "LOC", None]
    assert pieces([]) == []


def test_the_text_stands_on_the_page_as_it_was_written() -> None:
    body = "  two  spaces\n\n\tand lines\n"
    page = render("item.html", item=Item(segments=[Segment(body)]), progress=PROGRESS)
    assert f'dir="auto">{body}</div>' in page
