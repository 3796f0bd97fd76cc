"""Browsing in a real browser: without a script, on a phone and a desk, with hostile rows, for everybody."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.review.browsed_run import browsed_rows, publish
from tests.review.browsing import DESK, PHONE, Reader, reader, serious, small_targets, too_wide
from tests.review.reviewed_run import RUN
from tests.review.serving import serving

pytestmark = [pytest.mark.slow, pytest.mark.browser]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(publish(tmp_path_factory.mktemp("browse") / "out", browsed_rows(160)), "--reviewer", "anna") as server:
        yield server.address


@pytest.fixture(params=[("phone", "light"), ("desk", "dark")], ids="-".join)
def anna(request: pytest.FixtureRequest, chromium: Any, address: str) -> Iterator[Reader]:
    """Anna without JavaScript; nothing of what she read did anything."""
    size, scheme = request.param
    found = reader(chromium, address, viewport=PHONE if size == "phone" else DESK, color_scheme=scheme)
    yield found.open("/runs")
    said = [one for one in found.said if not one.startswith("Failed to load resource")]  # pages that are not there
    assert found.outside() == [] and said == []
    assert found.page.evaluate("window.ran === undefined && !document.querySelector('#main :is(img, script, iframe)')")
    found.page.context.close()


PAGES = ["/rows", "/rows?flagged=any&label=insult&q=nosuchtext", "/rows/2026-01-05/a%2Fb", "/runs", f"/runs/{RUN}",
         "/disagreements", "/rows/2026-01-05/nosuch", "/rows?label=nosuch"]  # fmt: skip


def test_axe_finds_nothing_serious_and_nothing_is_too_wide_or_too_small(anna) -> None:
    for path in PAGES:
        anna.open(path)
        for one in anna.page.locator("details").all():
            one.locator("summary").click()
        assert serious(anna.page) == [], path
        assert not too_wide(anna.page), path
        assert small_targets(anna.page) == [], path


def test_without_a_script_rows_are_filtered_paged_read_and_shown_unblurred(chromium, address) -> None:
    at = reader(chromium, address, java_script_enabled=False).open("/rows")
    at.page.locator("#f-label").select_option("insult")
    at.page.locator("#f-flagged").select_option("any")
    at.page.get_by_role("button", name="Show").click()
    assert "label=insult" in at.page.url and "flagged=any" in at.page.url
    first = at.page.locator("article.row a").first.inner_text()
    text = at.page.locator("article.row .said").first
    blurred = text.evaluate("one => getComputedStyle(one).filter")
    text.focus()
    at.page.wait_for_timeout(300)  # the blur goes in a moment, not at once
    assert blurred.startswith("blur") and text.evaluate("one => getComputedStyle(one).filter") == "none"
    at.page.get_by_role("link", name="Next page").click()
    assert at.page.locator("article.row a").first.inner_text() != first
    at.page.go_back()
    assert at.page.locator("article.row a").first.inner_text() == first
    at.page.locator("article.row a").first.click()
    assert "/rows/2026-01-0" in at.page.url and at.page.get_by_role("heading", name="Where it came from").count() == 1
    at.page.context.close()
    assert at.outside() == []
