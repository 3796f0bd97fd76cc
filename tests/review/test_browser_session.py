"""A review in a browser, by keyboard: every word reaches the store, and the page does what the help says it does."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from moderation.audit.design import SampleFolder
from moderation.audit.verdicts import verdicts
from tests.review.browsing import Reader, reader
from tests.review.reviewed_run import SAMPLE, output_with_sample
from tests.review.serving import serving

pytestmark = [pytest.mark.slow, pytest.mark.browser]
LABELS = ("offensive", "insult")


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return output_with_sample(tmp_path, 8)


@pytest.fixture
def anna(chromium: Any, output: Path) -> Iterator[Reader]:
    """Anna at her browser; it had nothing to complain of and asked nobody but the server."""
    with serving(output, "--reviewer", "anna") as server:
        found = reader(chromium, server.address)
        yield found.open()
        assert found.said == [] and found.outside() == []
        found.page.context.close()


def stored(output: Path) -> list[tuple[str, str, str]]:
    """Row, label and word of every entry, in their order."""
    return [(one.row_id, one.label, one.verdict) for one in verdicts(SampleFolder(output / "audits" / SAMPLE))]


def test_a_whole_review_by_keyboard(anna, output) -> None:
    expected = []
    while (row := anna.row) is not None:
        assert anna.asked_label() == LABELS[0]
        said = {"r0": "yn", "r1": "nn", "r2": "uy"}.get(row, "N")
        for key in said:
            anna.press(key if key != "N" else "Shift+N")
        words = {"y": "yes", "n": "no", "u": "unsure"}
        expected += [
            (row, label, words.get(key, "no"))
            for label, key in zip(LABELS, said * 2 if said == "N" else said, strict=True)
        ]
        assert stored(output) == expected, "stored before the next text shows"
    assert len(expected) == 16
    assert "All done" in anna.page.locator("#item").inner_text()
    assert anna.page.locator("[data-field=done]").text_content() == "8"
    anna.open()
    assert anna.row is None


def test_a_reload_in_the_middle_goes_on_at_the_same_label_of_the_same_row(anna, output) -> None:
    anna.press("y", "n", "y")
    row = anna.row
    assert (anna.asked_label(), anna.words()) == (LABELS[1], {LABELS[0]: "yes", LABELS[1]: ""})
    anna.page.reload()
    assert (anna.row, anna.asked_label()) == (row, LABELS[1])
    assert len(stored(output)) == 3


def test_a_label_is_chosen_by_its_number(anna) -> None:
    anna.press("2", "y")
    assert anna.words() == {LABELS[0]: "", LABELS[1]: "yes"} and anna.asked_label() == LABELS[0]


def test_undo_takes_the_last_word_back_and_back_walks_to_judged_rows(anna, output) -> None:
    first = anna.row
    anna.press("y", "n")
    second = anna.row
    anna.press("z")
    assert anna.row == first and stored(output)[-1] == (first, LABELS[1], "withdrawn")
    anna.press("n")
    assert anna.row == second
    anna.press("ArrowLeft")
    assert (anna.row, anna.words()) == (first, {LABELS[0]: "yes", LABELS[1]: "no"})
    anna.press("1", "n")
    assert stored(output)[-1] == (first, LABELS[0], "no")
    if anna.row == first:
        anna.press("Enter")
    assert anna.row == second


def test_the_text_is_blurred_until_space_and_blurred_again_with_the_next(anna) -> None:
    blur = "() => getComputedStyle(document.querySelector('#item .said')).filter"
    anna.page.mouse.move(5, 5)
    assert "blur" in anna.page.evaluate(blur)
    anna.press(" ")
    anna.until(f"({blur})() === 'none'")
    anna.press("y")
    assert anna.page.evaluate(blur) == "none", "the same text stays shown"
    anna.press("n")
    anna.until(f"({blur})().includes('blur')")
    anna.page.locator("#item .said").focus()
    anna.until(f"({blur})() === 'none'")
    anna.page.locator("#always").check()
    anna.page.reload()
    anna.until(f"({blur})() === 'none'")
    assert anna.page.locator("#always").is_checked()


def test_scores_are_hidden_until_they_are_asked_for(anna) -> None:
    assert "0.900" not in anna.page.content() and not anna.page.locator(".revealed").count()
    row = anna.row
    anna.press("r")
    assert anna.row == row and "0.900" in anna.page.locator(".revealed").inner_text()


def test_a_note_is_kept_with_the_verdict(anna, output) -> None:
    anna.press("m")
    anna.page.keyboard.type("quotes <b>somebody</b> else, y n u")
    anna.page.keyboard.press("Control+Enter")
    anna.page.reload()  # not lost though nothing was judged yet
    row = anna.row
    anna.press("y", "n", "ArrowLeft")
    assert anna.row == row and anna.page.locator("#item .kept bdi").inner_text() == "quotes <b>somebody</b> else, y n u"
    notes = {one.note for one in verdicts(SampleFolder(output / "audits" / SAMPLE)) if one.row_id == row}
    assert "quotes <b>somebody</b> else, y n u" in notes
    anna.press("m")
    anna.page.keyboard.press("End")
    anna.page.keyboard.type("!")
    anna.page.locator("#note button[value=keep]").click()
    anna.settled()
    assert verdicts(SampleFolder(output / "audits" / SAMPLE))[-1].note.endswith("else, y n u!")


def test_help_opens_over_the_page_and_keys_judge_nothing_while_it_is_open(anna, output) -> None:
    anna.press("?")
    assert anna.page.locator("#help").is_visible()
    anna.press("y", "n")
    assert stored(output) == []
    anna.page.keyboard.press("Escape")
    assert not anna.page.locator("#help").is_visible()


def test_a_key_that_is_held_down_is_one_word_and_shortcuts_of_the_browser_are_none(anna, output) -> None:
    for _ in range(5):
        anna.page.keyboard.down("y")  # all but the first are repeats
    anna.page.keyboard.up("y")
    anna.settled()
    anna.press("Control+n", "Alt+y")
    assert len(stored(output)) == 1


def test_the_mouse_does_all_that_the_keys_do_and_space_after_a_click_judges_nothing(anna, output) -> None:
    row = anna.row
    anna.page.locator("#say-yes").click()
    anna.settled()
    anna.press(" ")
    assert stored(output) == [(row, LABELS[0], "yes")]
    anna.page.locator("#say-rest").click()
    anna.settled()
    assert anna.row != row and len(stored(output)) == 2
    anna.page.locator("#do-back").click()
    anna.settled()
    assert anna.row == row


def test_focus_stays_on_the_button_that_a_keyboard_pressed(anna) -> None:
    row = anna.row
    anna.page.locator("#say-no").focus()
    anna.press("Enter", "Enter")
    assert anna.row != row and anna.page.evaluate("document.activeElement.id") == "say-no"


def test_nothing_moves_when_the_next_text_comes(anna) -> None:
    places = (
        "() => [...document.querySelectorAll('.dock button')].map(one => JSON.stringify(one.getBoundingClientRect()))"
    )
    before = anna.page.evaluate(places)
    anna.press("y")
    assert anna.page.evaluate(places) == before
    anna.press("u")
    assert anna.page.evaluate(places) == before
