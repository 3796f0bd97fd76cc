"""The pages of browsing, without a script: rows, a row, runs, disagreements, whatever strangers wrote."""

import re
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from moderation.audit.verdict import Verdict
from moderation.audit.verdicts import append
from moderation.review.browse_row import row_address
from moderation.review.state import Options, load
from tests.review.browsed_run import IDS, browsed_rows, client, publish
from tests.review.harmless import check_harmless
from tests.review.hostile_strings import INJECTIONS
from tests.review.reviewed_run import RUN, SAMPLE
from tests.review.serving import serving

ROWS = browsed_rows(120)


@pytest.fixture(scope="module")
def output(tmp_path_factory) -> Path:
    return publish(tmp_path_factory.mktemp("pages") / "out", ROWS)


@pytest.fixture(scope="module")
def browser(output) -> Any:
    return client(output)


@pytest.fixture(scope="module")
def served(output) -> Any:
    """A browser at a real server: the test client reads the percent signs of a path twice."""
    with serving(output, "--reviewer", "anna") as server:
        found = httpx.Client(base_url=server.address, headers={"Accept": "text/html"}, timeout=30)
        found.get("/runs")
        yield found


def test_every_row_has_an_address_that_leads_to_it_whatever_its_id(served) -> None:
    for number, row in enumerate(sorted(ROWS, key=lambda one: one["date"])):
        if row["id"] not in IDS:
            continue
        answer = served.get(row_address(row["id"], row["date"], number))
        assert answer.status_code == 200, (row["id"][:50], answer.text)
        check_harmless(answer.text)
        assert f"({row['body'].rsplit('(', 1)[1]}" in unescape(answer.text)


def test_the_links_of_the_list_lead_to_all_rows_page_by_page(served) -> None:
    address, seen = "/rows?flagged=any", []
    while address:
        answer = served.get(address)
        assert answer.status_code == 200
        check_harmless(answer.text)
        seen += re.findall(r'<p><a href="(/rows/[^"]*)">', answer.text)
        following = re.findall(r'rel="next" href="([^"]*)"', answer.text)
        address = unescape(following[0]) if following else ""
    assert len(seen) == len(set(seen)) == len(ROWS)
    assert all(served.get(unescape(one)).status_code == 200 for one in seen[::7])


def test_the_state_of_the_page_is_its_address(browser) -> None:
    address = "/rows?" + urlencode(
        [("label", "insult"), ("rule", "loud"), ("score", "insult:0.4-0.9"), ("flagged", "any")]
    )
    html = browser.get(address).text
    band = [row for row in ROWS if 0.4 <= row["scores"]["insult"] <= 0.9]
    wanted = [row for row in band if "insult" in row["labels"] and row["rules"]]
    assert f"<b>{len(wanted)}</b> rows" in html
    for kind, value in (("label", "insult"), ("rule", "loud")):
        assert f'<input type="hidden" name="{kind}" value="{value}">' in html
    assert 'name="score" value="insult:0.4-0.9"' in html
    assert html == browser.get(address).text


NAMES = ("label", "rule", "entity", "subreddit", "action", "from", "to", "score", "q", "sort", "after", "flagged")


@pytest.mark.parametrize("number", range(len(NAMES)))
def test_whatever_an_address_holds_the_answer_is_a_page_or_one_line(browser, number) -> None:
    for text in INJECTIONS[number % 4 :: 4]:
        answer = browser.get("/rows", params={NAMES[number]: text[:3000]})
        assert answer.status_code in (200, 400), (NAMES[number], text[:60], answer.status_code)
        check_harmless(answer.text)


def test_paths_lead_to_rows_and_runs_and_nowhere_else(browser) -> None:
    for text in INJECTIONS[::2]:
        for folder in ("/rows/2026-01-05/", "/rows/", "/runs/"):
            answer = browser.get(folder + urlencode({"": text})[1:])
            assert answer.status_code in (200, 303, 307, 404, 405), (folder, text[:60], answer.status_code)
            assert "root:" not in answer.text
            check_harmless(answer.text)


def test_a_row_that_is_not_there_is_a_page_that_says_so(browser) -> None:
    for address in (
        "/rows/2026-01-05/nosuch",
        "/rows/2031-01-01/r50",
        "/rows/2026-01-05/?n=99999",
        "/rows/2026-01-05/?n=x",
    ):
        answer = browser.get(address)
        assert answer.status_code == 404 and "no such row was published by this run" in answer.text


def test_a_row_has_its_whole_provenance(browser) -> None:
    row = next(row for row in ROWS if row["rules"] and row["labels"] and row["id"] not in IDS)
    html = browser.get(row_address(row["id"], row["date"])).text
    for told in (
        RUN,
        "m" * 16,
        "p" * 16,
        f"labelled/date={row['date']}/{RUN}.parquet",
        row["text_sha256"],
        "where <code>flagged</code>",
    ):
        assert told in html
    assert f"{row['scores']['insult']:.4f}" in html and "0.3000" in html


def test_runs_have_a_list_and_a_page_each_and_unknown_ones_none(browser) -> None:
    assert f'href="/runs/{RUN}"' in browser.get("/runs").text
    html = browser.get(f"/runs/{RUN}").text
    assert "3 checks, all passed" in html and "comments.parquet" in html and "Make the report" in html
    assert browser.get("/runs/nosuch").status_code == browser.get(f"/runs/{RUN}/report").status_code == 404


def test_rows_of_few_columns_and_runs_that_came_to_nothing_have_their_pages_too(tmp_path) -> None:
    from benchmarks.audit_frame import write_run
    from moderation.runs.manifest import Manifest

    write_run(tmp_path, 300, texts=10)
    failed = tmp_path / "runs" / "20250101T000000Z-abcdef"
    failed.mkdir()
    Manifest(failed.name, "2025-01-01T00:00:00+00:00", "failed").write(failed)
    browser = client(tmp_path)
    assert "failed" in browser.get("/runs").text
    html = browser.get(f"/runs/{failed.name}").text
    assert "It did not come so far" in html and "Make the report" not in html
    listed = browser.get("/rows?flagged=any").text
    for address in re.findall(r'href="(/rows/[^"?]+)"', listed)[:5]:
        assert "Where it came from" in browser.get(address).text


@pytest.fixture
def reviewed(tmp_path) -> Path:
    return publish(tmp_path / "out", browsed_rows(40), sample=True)


def sample_folder(output: Path) -> Any:
    return load(output, None, SAMPLE, Options()).folder


def test_what_the_run_said_is_hidden_from_who_is_still_to_judge_until_they_ask_and_that_is_noted(reviewed) -> None:
    row = next(row for row in browsed_rows(40) if row["id"] == "a b")
    append(sample_folder(reviewed), [Verdict("a b", "insult", "ben", "yes", note="sure")])
    browser, address = client(reviewed), row_address(row["id"], row["date"])
    before = browser.get(address).text
    assert "still to judge" in before and "threshold" not in before and "ben" not in before
    listed = browser.get("/rows?flagged=any").text
    assert listed.count("you are still to judge it") == listed.count('class="panel row"') > 5
    (csrf,) = set(re.findall(r'name="csrf" value="([^"]+)"', before))
    answer = browser.post("/rows/reveal", data={"csrf": csrf, "row_id": "a b", "date": row["date"]})
    assert answer.status_code == 200 and "threshold" in answer.text
    assert "ben" in answer.text and "sure" in answer.text
    import sqlite3

    with sqlite3.connect(sample_folder(reviewed).verdicts) as store:
        assert store.execute("SELECT row_id, reviewer FROM reveals").fetchall() == [("a b", "anna")]


def test_who_has_judged_a_row_sees_what_the_run_and_others_said(reviewed) -> None:
    row = next(row for row in browsed_rows(40) if row["id"] == "a b")
    words = [Verdict("a b", label, name, "yes") for label in ("insult", "offensive") for name in ("anna", "ben")]
    append(sample_folder(reviewed), words)
    html = client(reviewed).get(row_address(row["id"], row["date"])).text
    assert "threshold" in html and "ben" in html and "still to judge" not in html


def test_disagreements_lead_a_third_reviewer_to_the_row_and_tell_nobody_who_said_what(reviewed) -> None:
    said = [
        Verdict("a/b", "insult", "ben", "yes"),
        Verdict("a/b", "insult", "cem", "no"),
        Verdict("a b", "insult", "ben", "no"),
    ]
    append(sample_folder(reviewed), said)
    html = client(reviewed).get("/disagreements").text
    check_harmless(html)
    assert "<b>1</b> waits" in html and "cem" not in html
    (address,) = re.findall(r'href="(/review\?[^"]+)"', html)
    answer = client(reviewed).get(unescape(address))
    assert answer.status_code == 200 and 'data-row="a/b"' in answer.text
    mine = client(reviewed, "cem").get("/disagreements").text
    assert "You are one of them" in mine and "/review?" not in mine


def test_nothing_is_started_without_the_token_of_the_form(browser) -> None:
    for address in ("/rows/replay", "/rows/reveal", f"/runs/{RUN}/report"):
        assert browser.post(address, data={"row_id": "r50", "date": "2026-01-05"}).status_code == 403
