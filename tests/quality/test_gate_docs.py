"""What the gate leaves behind: a site that anybody may read, and nothing else."""

import logging
import re
import socket
import tempfile
from collections.abc import Callable
from html import escape
from pathlib import Path

import pytest
from labelled_rows import Row, good_rows, scored, span
from pyspark.sql import DataFrame

from moderation.quality.gate import Outcome

Frame = Callable[[list[Row]], DataFrame]
Judge = Callable[..., Outcome]
SECRET = "Zanzibar-4711"


def secret_row(**changes: object) -> Row:
    """A row that is right, and says the secret wherever a user's word may stand."""
    says: Row = {"id": SECRET, "author": SECRET, "body": f"{SECRET} again", "entities": [span(0, SECRET)]}
    return scored(**(says | changes))


WRONG_EVERYWHERE = secret_row(
    entities=[span(5, SECRET, type_=SECRET), span(6, SECRET)],
    scores={"toxic": 2.0, "it's an insult": float("nan")},
    **dict.fromkeys(("date", "text_sha256", "status", "status_reason", "action", "severity"), SECRET),
    **{"labels": [SECRET], "rules": [SECRET], "flagged": None, "run_id": None},
)


def pages(outcome: Outcome) -> list[Path]:
    return [path for path in outcome.docs.parent.rglob("*") if path.is_file()]


@pytest.fixture(scope="module", params=["accepted", "refused", "refused for a column"])
def outcome(request: pytest.FixtureRequest, frame: Frame, judge: Judge) -> Outcome:
    match request.param:
        case "accepted":
            labelled, expected = frame([secret_row()]), True
        case "refused":
            labelled, expected = frame([WRONG_EVERYWHERE]), False
        case _:
            labelled, expected = frame([secret_row()]).selectExpr("* EXCEPT (flagged)", "body AS flagged"), False
    outcome = judge(labelled, 1)
    assert outcome.success is expected
    return outcome


def test_no_word_of_a_user_is_in_the_docs_or_the_outcome(outcome: Outcome) -> None:
    assert [path for path in pages(outcome) if SECRET.encode() in path.read_bytes()] == []
    assert SECRET not in repr(outcome)


def test_the_docs_say_what_was_checked(outcome: Outcome) -> None:
    assert outcome.docs.is_file()
    site = "".join(path.read_text(encoding="utf-8") for path in pages(outcome) if path.suffix == ".html")
    assert "Column flagged is a boolean" in site
    if outcome.checks > 19:
        assert "Every entity lies inside its body" in site


def test_the_docs_show_how_many_rows_broke_a_rule(frame: Frame, judge: Judge) -> None:
    outcome = judge(frame([*good_rows(), scored(id="x", flagged=None)]), 8)
    (page,) = [path for path in pages(outcome) if path.parent.parent.parent.name == "labelled"]
    assert "1 unexpected values found" in page.read_text(encoding="utf-8")


def test_the_docs_open_without_a_network(outcome: Outcome) -> None:
    for path in pages(outcome):
        assert path.suffix == ".html"
        html = path.read_text(encoding="utf-8")
        assert "default-src 'none'" in html
        assert re.findall(r"https?://|<script|<link|<img|@import|url\(", html) == []
        for target in re.findall(r'href="([^"#]+)"', html):
            assert (path.parent / target).is_file()


def test_the_front_page_says_the_verdict_and_leads_to_every_table(outcome: Outcome) -> None:
    html = outcome.docs.read_text(encoding="utf-8")
    assert ("passed" if outcome.success else "refused") in html
    for failure in outcome.failures:
        assert escape(failure) in html
    for table in {check["table"] for check in outcome.statistics["checks"]}:
        assert f'href="validations/{table}/' in html


def test_nothing_is_left_in_the_temporary_folder(
    frame: Frame, judge: Judge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    judge(frame([]).drop("id"), 0)
    assert list(tmp_path.iterdir()) == []


def test_nothing_stays_cached(frame: Frame, judge: Judge) -> None:
    labelled = frame(good_rows())
    persistent = labelled.sparkSession.sparkContext._jsc.getPersistentRDDs  # type: ignore[union-attr]
    before = persistent().size()
    judge(labelled, 7)
    assert persistent().size() <= before


def test_the_gate_looks_up_no_host_and_prints_nothing(
    frame: Frame,
    judge: Judge,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    asked, look_up = [], socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *rest, **more: asked.append(host) or look_up(host, *rest))
    with caplog.at_level(logging.INFO):
        judge(frame([WRONG_EVERYWHERE, WRONG_EVERYWHERE]), 7)
    printed = capfd.readouterr()
    assert set(asked) <= {"127.0.0.1", "localhost"}
    assert SECRET not in caplog.text + printed.out + printed.err
    assert (printed.out, "Calculating" in printed.err) == ("", False)
    assert [record.name for record in caplog.records if record.name.startswith("great_expectations")] == []
