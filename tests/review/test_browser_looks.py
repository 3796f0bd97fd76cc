"""Every page on a phone and on a desk, by day and by night: texts of others do nothing, and everybody can use it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from moderation.audit.shown import visible
from tests.audit.reported import published
from tests.review.browsing import DESK, PHONE, Reader, reader, serious, small_targets, too_wide
from tests.review.hostile_strings import HOSTILE, INJECTIONS
from tests.review.reviewed_run import RUN, draw, output_with_sample, rows_of
from tests.review.serving import serving

pytestmark = [pytest.mark.slow, pytest.mark.browser]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with a sample in which every text, community and type of entity is hostile."""
    with serving(hostile_output(tmp_path_factory.mktemp("hostile"))) as server:
        yield server.address


def hostile_output(output: Path) -> Path:
    """A run and a sample of hostile rows."""
    rows = rows_of(len(HOSTILE))
    for one, text in zip(rows, HOSTILE, strict=True):
        span = {"start": 0, "end": min(3, len(text)), "type": text, "text": text[:3], "score": 0.9}
        one |= {"body": text, "subreddit": text, "entities": [span]}
    published(output, rows, RUN)
    draw(output, rows)
    return output


@pytest.fixture(params=[("phone", "light"), ("desk", "dark")], ids="-".join)
def anna(request: pytest.FixtureRequest, chromium: Any, address: str) -> Iterator[Reader]:
    """Anna, signed in, on a phone by day or at a desk by night; nothing of what she read did anything."""
    size, scheme = request.param
    found = signed_in(chromium, address, f"anna on a {size}", PHONE if size == "phone" else DESK, scheme)
    yield found
    check_calm(found)
    found.page.context.close()


def signed_in(chromium: Any, address: str, name: str, size: dict[str, int], scheme: str) -> Reader:
    """A reviewer who signed in by the form."""
    found = reader(chromium, address, viewport=size, color_scheme=scheme).open("/signin")
    found.page.locator("#reviewer").fill(name)
    found.page.locator("#reviewer").press("Enter")
    found.page.wait_for_selector("#item .text")
    found.page.wait_for_load_state()  # a row can be there before the styles are
    return found


def check_calm(at: Reader) -> None:
    """No script of others ran, nothing was asked of anybody but the server, and the policy had nothing to stop."""
    assert at.page.evaluate("window.ran === undefined && !document.querySelector('#main :is(img, script, iframe)')")
    assert at.outside() == [] and at.said == []


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_hostile_texts_are_shown_as_they_are_and_do_nothing(chromium, tmp_path, size) -> None:
    text = """() => { const found = document.querySelector('#item .said').cloneNode(true);
        found.querySelectorAll('.type').forEach(one => one.remove()); return found.textContent; }"""
    expected = {f"r{number}": visible(body.replace("\r\n", "\n")) for number, body in enumerate(HOSTILE)}
    with serving(hostile_output(tmp_path)) as server:
        anna, seen = signed_in(chromium, server.address, "anna", size, "light"), set()
        while (row := anna.row) is not None:
            assert anna.page.evaluate(text) == expected[row]
            assert not too_wide(anna.page), row
            anna.press("r", "Shift+N")
            check_calm(anna)
            seen.add(row)
    assert len(seen) == len(HOSTILE)


def test_hostile_notes_are_shown_as_they_are(chromium, tmp_path) -> None:
    notes = [one for one in HOSTILE if len(one) <= 2000 and visible(one) == one]
    with serving(output_with_sample(tmp_path, 2), "--reviewer", "anna") as server:
        anna = reader(chromium, server.address).open()
        anna.press("y")
        for note in notes:
            anna.press("m")
            anna.page.locator("#note-text").fill(note)
            anna.page.locator("#note-text").press("Control+Enter")
            anna.settled()
            assert anna.page.locator("#item .kept bdi").text_content() == note.replace("\r\n", "\n")
        check_calm(anna)
    assert len(notes) > 30


def test_hostile_names_and_addresses_get_a_page_that_does_nothing(chromium, tmp_path) -> None:
    with serving(output_with_sample(tmp_path, 2)) as server:
        anna = reader(chromium, server.address)
        for text in INJECTIONS[::4]:  # all of them are thrown at every route without a browser
            anna.open("/signin")
            anna.page.locator("#reviewer").fill(text)
            anna.page.evaluate("document.querySelector('form.form').noValidate = true")
            anna.page.locator("#reviewer").press("Enter")
            anna.page.wait_for_load_state()
            if anna.page.locator("#item").count():  # a name like any other
                anna.page.locator("button", has_text="Sign out").click()
            for path in (f"/{quote(text, safe='')}", f"/review?row_id={quote(text)}&date={quote(text)}"):
                anna.page.goto(server.address + path)
                assert anna.page.evaluate("window.ran === undefined")
        assert anna.outside() == [] and not [one for one in anna.said if "Failed to load" not in one]


def shown(at: Reader) -> None:
    """The text is looked at."""
    at.press(" ")


def nothing(at: Reader) -> None:
    """The page as it comes."""


def browsed(first: str = "") -> Callable[[Reader], None]:
    """Waits for the index of the run's rows, unfolds what is folded, and follows the first link that begins so."""

    def make(at: Reader) -> None:
        if at.page.url.endswith("flagged=any"):
            at.page.locator("main a[href^='/rows/']").first.wait_for(timeout=60_000)
        if first:
            at.page.locator(f"main a[href^='{first}']").first.click()
        for summary in at.page.locator("main summary").all():
            summary.click()

    return make


PAGES: dict[str, tuple[str, Callable[[Reader], None]]] = {
    "review": ("/review", nothing),
    "shown": ("/review", shown),
    "half judged, with scores": ("/review", lambda at: at.press("1", "y", "r")),
    "help": ("/review", lambda at: at.press("?")),
    "note": ("/review", lambda at: at.press("m")),
    "estimate": ("/review", lambda at: at.page.locator("summary").first.click()),
    "sign-in": ("/signin", nothing),
    "rows": ("/rows?flagged=any", browsed()),
    "row": ("/rows?flagged=any", browsed("/rows/")),
    "runs": ("/runs", browsed()),
    "run": ("/runs", browsed("/runs/")),
    "disagreements": ("/disagreements", browsed()),
    "no such page": ("/nothing/here", nothing),
}


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_serious_and_nothing_is_too_wide_or_too_small(anna, name) -> None:
    path, make = PAGES[name]
    make(anna.open(path))
    assert serious(anna.page) == []
    assert not too_wide(anna.page)
    assert small_targets(anna.page) == []
    anna.said.clear() if name == "no such page" else None


@pytest.mark.parametrize("state", ["none", "done"])
def test_the_pages_before_and_after_a_review(chromium, tmp_path, state) -> None:
    with serving(output_with_sample(tmp_path, 1, sample=state == "done"), "--reviewer", "anna") as server:
        for size, scheme in ((PHONE, "light"), (DESK, "dark")):
            anna = reader(chromium, server.address, viewport=size, color_scheme=scheme).open()
            if state == "done" and anna.row:
                anna.press("Shift+N")
            assert ("All done" if state == "done" else "no sample yet") in anna.page.locator("main").inner_text()
            assert serious(anna.page) == [] and not too_wide(anna.page) and small_targets(anna.page) == []
            check_calm(anna)


def test_at_twice_the_size_the_text_has_the_screen_and_nothing_is_hidden(chromium, address) -> None:
    found = signed_in(chromium, address, "cleo", {"width": 640, "height": 400}, "light")  # 1280 x 800 at 200%
    assert not too_wide(found.page)
    found.page.locator("#do-help").scroll_into_view_if_needed()
    found.page.locator("#do-help").click()
    assert found.page.locator("#help").is_visible()
    assert found.page.evaluate("getComputedStyle(document.querySelector('.dock')).position") == "static"


def test_night_is_dark_and_day_is_light(chromium, address) -> None:
    shades = []
    for scheme in ("light", "dark"):
        found = signed_in(chromium, address, "dora", DESK, scheme)
        color = found.page.evaluate("getComputedStyle(document.body).backgroundColor")
        shades.append(sum(int(part) for part in color.removeprefix("rgb(").removesuffix(")").split(",")[:3]))
    assert shades[0] > 700 and shades[1] < 100
