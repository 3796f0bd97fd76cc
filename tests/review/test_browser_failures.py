"""What goes wrong while a browser reviews: the server killed, an answer lost, the network gone, two at once."""

import signal
from pathlib import Path
from typing import Any

import pytest

from moderation.audit.design import SampleFolder
from moderation.audit.verdicts import verdicts
from tests.review.browsing import Reader, reader
from tests.review.reviewed_run import SAMPLE, output_with_sample
from tests.review.serving import Server, serving

pytestmark = [pytest.mark.slow, pytest.mark.browser]
LABELS = ("offensive", "insult")


def stored(output: Path) -> dict[tuple[str, str, str], list[str]]:
    """Every word of each row, label and reviewer, in the order in which they were stored."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for one in verdicts(SampleFolder(output / "audits" / SAMPLE)):
        found.setdefault((one.row_id, one.label, one.reviewer), []).append(one.verdict)
    return found


def word_for(row: str, label: str) -> str:
    """What our reviewers always say of a row."""
    return "y" if (int(row[1:]) + LABELS.index(label)) % 3 else "n"


def judge_one(at: Reader) -> None:
    """Says the word on the label that is asked."""
    assert at.row
    at.press(word_for(at.row, at.asked_label()))


def check_all(output: Path, rows: int, reviewer: str = "anna") -> None:
    """Every row was judged once, and as the reviewer said."""
    words = {"y": "yes", "n": "no"}
    expected = {
        (f"r{number}", label, reviewer): [words[word_for(f"r{number}", label)]]
        for number in range(rows)
        for label in LABELS
    }
    assert stored(output) == expected


def test_a_server_killed_in_the_middle_loses_and_doubles_nothing(chromium, tmp_path) -> None:
    output, rows = output_with_sample(tmp_path, 9), 9
    server = Server(output, "--reviewer", "anna")
    anna, port = reader(chromium, server.address).open(), server.port
    for kind in ("between", "asked", "answered"):
        judge_one(anna)
        judge_one(anna)
        judge_one(anna)
        row, label = anna.row, anna.asked_label()
        if kind == "asked":  # the server has the request and has not looked at it
            server.process.send_signal(signal.SIGSTOP)
        if kind == "answered":  # the word is stored, the answer never arrives
            anna.page.route("**/review/verdict", lose_the_answer, times=1)
        if kind == "between":
            server.end(signal.SIGKILL)
        anna.page.keyboard.press(word_for(row, label))
        if kind != "between":
            anna.page.wait_for_timeout(200)
            server.end(signal.SIGKILL)
        anna.until("document.querySelector('#said.trouble') !== null")
        assert "Cannot reach the server" in anna.text and anna.row == row
        assert anna.page.locator(f"[data-label={label}].waits").count() == 1, (
            "what was typed is kept, and not shown as stored"
        )
        server = Server(output, "--reviewer", "anna", port=port)
        anna.settled()
        assert anna.row != row or anna.words()[label]
    while anna.row:
        judge_one(anna)
    server.end()
    check_all(output, rows)


def lose_the_answer(route: Any) -> None:
    """Lets a request reach the server, and not the answer the page."""
    route.fetch()
    route.abort("connectionreset")


def test_a_page_reloaded_before_its_word_was_stored_sends_it_afterwards(chromium, tmp_path) -> None:
    output = output_with_sample(tmp_path, 4)
    with serving(output, "--reviewer", "anna") as server:
        anna = reader(chromium, server.address).open()
        row = anna.row
        anna.page.route("**/review/verdict", lambda route: route.abort("internetdisconnected"))
        anna.page.keyboard.press("y")
        anna.until("document.querySelector('#said.trouble') !== null")
        assert stored(output) == {}
        anna.page.unroute("**/review/verdict")
        anna.page.on("dialog", lambda one: one.accept())
        anna.page.reload()
        anna.settled()
        assert stored(output) == {(row, LABELS[0], "anna"): ["yes"]} and anna.words()[LABELS[0]] == "yes"


def test_keys_that_are_pressed_while_the_network_is_gone_are_kept_in_order_and_judge_no_unseen_text(
    chromium, tmp_path
) -> None:
    output = output_with_sample(tmp_path, 4)
    with serving(output, "--reviewer", "anna") as server:
        anna = reader(chromium, server.address).open()
        row = anna.row
        anna.page.context.set_offline(True)
        for key in "ynyyyy":  # the row has two labels
            anna.page.keyboard.press(key)
        anna.until("document.querySelector('#said.trouble') !== null")
        assert anna.row == row
        anna.page.context.set_offline(False)
        anna.settled()
        assert stored(output) == {(row, LABELS[0], "anna"): ["yes"], (row, LABELS[1], "anna"): ["no"]}
        assert anna.row != row and not anna.page.locator("#said.trouble").count()


def test_a_lost_answer_to_undo_takes_nothing_more_back(chromium, tmp_path) -> None:
    output = output_with_sample(tmp_path, 4)
    with serving(output, "--reviewer", "anna") as server:
        anna = reader(chromium, server.address).open()
        row = anna.row
        anna.press("y", "n")
        anna.page.route("**/review/undo", lose_the_answer, times=1)
        anna.press("z")
        assert anna.row == row
        words = stored(output)
        assert words[row, LABELS[0], "anna"] == ["yes"] and words[row, LABELS[1], "anna"] == ["no", "withdrawn"]


def test_two_browsers_at_once_share_the_rows(chromium, tmp_path) -> None:
    output, rows = output_with_sample(tmp_path, 24), 24
    with serving(output) as server:
        people = [reader(chromium, server.address) for _ in range(2)]
        for name, at in zip(("anna", "ben"), people, strict=True):
            at.open("/signin")
            at.page.locator("#reviewer").fill(name)
            at.page.locator("#reviewer").press("Enter")
            at.page.wait_for_selector("#item .text")
        while any(at.row for at in people):
            for at in people:
                if at.row:
                    judge_one(at)
            seen = [at.row for at in people]
            assert None in seen or seen[0] != seen[1] or meant_for_two(output, seen[0])
        words = stored(output)
    assert all(len(said) == 1 for said in words.values())
    by_row: dict[str, set[str]] = {}
    for row, _, reviewer in words:
        by_row.setdefault(row, set()).add(reviewer)
    assert by_row == {f"r{n}": by_row[f"r{n}"] for n in range(rows)}
    assert {row for row, names in by_row.items() if len(names) == 2} == {
        row for row in by_row if meant_for_two(output, row)
    }


def meant_for_two(output: Path, row: str) -> bool:
    """Whether a row is to be judged by two reviewers."""
    from moderation.audit.second import meant_for_two as meant
    from moderation.audit.second import second_share

    folder = SampleFolder(output / "audits" / SAMPLE)
    return meant(row, f"2026-01-0{5 + int(row[1:]) % 2}", folder.read_design().seed, second_share(folder))
