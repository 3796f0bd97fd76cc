"""The report in a browser: nothing runs or loads, nothing is too wide for a phone, and axe finds nothing serious."""

from collections.abc import Iterator
from typing import Any

import pytest

from moderation.audit.report import Wanted, write_report
from tests.audit.reported import published, row, skipped

pytestmark = [pytest.mark.slow, pytest.mark.browser]
SCRIPT = "<script>document.title='ran'</script><img src=http://127.0.0.1:9/x onerror=\"document.title='ran'\">"
PHONE, DESK = {"width": 360, "height": 740}, {"width": 1200, "height": 900}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A report with hostile, long and right-to-left text, many days and many communities."""
    output = tmp_path_factory.mktemp("shown")
    rows = [skipped(0)]
    for number in range(1, 300):
        body = [SCRIPT, "w" * 10_000, "مرحبا \u202e there", "You are a fool, Anna Long-Name of Lower Harbour"][
            number % 4
        ]
        who = [{"start": 0, "end": 5, "type": "PER", "text": body[:5], "score": 0.9}]
        more = {"subreddit": f"{'c' * 40}{number % 9}", "date": f"2026-01-{number % 28 + 1:02}", "entities": who}
        rows.append(row(number, body, (number * 37 % 100) / 100, (number * 61 % 100) / 100, **more))
    for day in (1, 2, 3):
        published(output, rows[: 90 * day], f"2026010{day}T000000Z-abcde{day}")
    return write_report(output, "latest", Wanted(words=False)).as_uri()


@pytest.fixture(params=[("phone", "light"), ("desk", "dark")], ids="-".join)
def page(request: pytest.FixtureRequest, chromium: Any, address: str) -> Iterator[Any]:
    """The page on a phone by day or on a desk by night; it notes what is asked for and what a console says."""
    size, scheme = request.param
    context = chromium.new_context(viewport=PHONE if size == "phone" else DESK, color_scheme=scheme)
    found = context.new_page()
    found.asked, found.said = [], []
    found.on("request", lambda one: found.asked.append(one.url))
    found.on("console", lambda one: found.said.append(one.text))
    found.goto(address)
    yield found
    context.close()


def test_nothing_is_loaded_and_nothing_runs(page, address) -> None:
    assert page.asked == [address]
    assert page.title() == "Audit of a moderation run" and page.said == []
    assert page.evaluate("document.scripts.length + document.images.length") == 0


def test_the_page_is_never_wider_than_the_screen(page) -> None:
    page.locator("#ask-all").check()
    for details in page.locator("summary").all():
        details.click()
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_text_is_blurred_until_it_is_asked_for(page) -> None:
    texts = page.locator(".said")
    assert texts.count() > 10
    blurs = "found => found.map(one => getComputedStyle(one).filter)"
    assert "none" not in texts.evaluate_all(blurs)
    page.locator("label[for=ask-2]").click()
    assert texts.evaluate_all(blurs).count("none") == 1
    page.locator("#ask-all").focus()
    page.keyboard.press("Space")
    assert set(texts.evaluate_all(blurs)) == {"none"}


def test_what_was_not_asked_for_is_not_printed(page) -> None:
    page.emulate_media(media="print")
    seen = "found => found.map(one => getComputedStyle(one).color == getComputedStyle(one).backgroundColor)"
    assert all(page.locator(".said").evaluate_all(seen))


def test_axe_finds_nothing_serious(page) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed (extra dev)")
    for _ in range(2):  # blurred, then shown
        found = [one for one in axe.Axe().run(page).response["violations"] if one["impact"] in ("serious", "critical")]
        assert not found, [(one["id"], one["nodes"][0]["html"][:200]) for one in found]
        page.locator("#ask-all").check()
