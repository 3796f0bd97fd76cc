"""What browsing has computed beside the server: the index of a large run, a replay, a report; no script is needed."""

import re
import time
from pathlib import Path
from typing import Any

from moderation.review import pages_browse
from moderation.review.browse_row import row_address
from moderation.review.jobs import Jobs
from tests.review.browsed_run import browsed_rows, client, publish


class Beside:
    """Real jobs in real processes, and nothing else beside the server."""

    def __init__(self, output: Path) -> None:
        self.jobs = Jobs({"output": str(output)})
        self.ask, self.job = self.jobs.ask, self.jobs.job

    def words_state(self) -> tuple[str, str]:
        return "off", ""


def look(browser: Any, address: str, until: str, seconds: float = 60) -> str:
    """Looks again and again, as the page asks a browser to."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        answer = browser.get(address)
        if until in answer.text:
            return str(answer.text)
        assert answer.headers["refresh"] == "2"
        time.sleep(0.3)
    raise AssertionError(f"{address}: no {until!r}: {answer.text}")


def test_the_index_of_a_large_run_is_made_beside_the_server_and_the_page_waits_for_it(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(pages_browse, "FEW", 0)
    output = publish(tmp_path / "out", browsed_rows(40))
    beside = Beside(output)
    try:
        browser = client(output, background=beside)
        assert "are being indexed" in browser.get("/rows?label=insult").text
        assert "What they have in common" in look(browser, "/rows?label=insult", "<h1>Rows of run")
    finally:
        beside.jobs.stop()


def test_a_replay_that_fails_says_why_on_the_page_of_the_row(tmp_path) -> None:
    output = publish(tmp_path / "out", browsed_rows(40))
    beside = Beside(output)
    try:
        browser = client(output, background=beside)
        row = browsed_rows(40)[0]
        html = browser.get(row_address(row["id"], row["date"])).text
        (csrf,) = set(re.findall(r'name="csrf" value="([^"]+)"', html))
        data = {"csrf": csrf, "row_id": row["id"], "date": row["date"]}
        answer = browser.post("/rows/replay", data=data, follow_redirects=False)
        assert answer.status_code == 303
        look(browser, answer.headers["location"], "It could not be made again")
    finally:
        beside.jobs.stop()
