"""The memory of texts that were scored lately: bounded, and only of what is worth it."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from moderation.inference.recent import LONGEST, Recent
from moderation.inference.scored import Scored
from moderation.inference.spans import Spans


def scored(texts: list[str]) -> Scored:
    """Answers that tell the texts apart: the score is the text's first number, and so is its span's start."""
    found = Scored.blank([None] * len(texts), 1)
    numbers = np.array([int(text.split()[0]) for text in texts], np.int64)
    found.scores[:, 0] = numbers
    rows = np.arange(len(texts))
    found.spans = Spans(rows, numbers, numbers + 1, 0 * rows, np.ones(len(rows), np.float32))
    return found


def remember(recent: Recent, texts: list[str]) -> Scored:
    """Remembers those of the texts that are new, as the engine does."""
    found = scored(texts)
    recent.remember(found, texts, [row for row, text in enumerate(texts) if recent.find(text) is None])
    return found


def answer(recent: Recent, text: str) -> tuple[float, list[int]] | None:
    """The score that is remembered for a text, and where its spans start."""
    place = recent.find(text)
    if place is None:
        return None
    found, row = place
    return float(found.scores[row, 0]), found.spans.of(np.array([row]), np.array([0])).starts.tolist()


def test_what_was_scored_is_found_with_its_spans() -> None:
    recent = Recent(10)
    remember(recent, ["5", "7", "6"])
    remember(recent, ["8", "5"])
    assert [answer(recent, text) for text in ("5", "6", "7", "8")] == [(n, [n]) for n in (5, 6, 7, 8)]
    assert recent.find("9") is None


def test_a_long_text_is_not_remembered() -> None:
    recent = Recent(10)
    longest, longer = "1" + " " * (LONGEST - 1), "2" + " " * LONGEST
    remember(recent, [longer, longest])
    assert answer(recent, longest) == (1, [1]) and recent.find(longer) is None


def test_a_text_that_failed_or_was_skipped_is_not_remembered() -> None:
    recent, found = Recent(10), scored(["1", "2", "3"])
    found.fail(0, "model_error:RuntimeError")
    found.reasons[2] = "no_readable_text"
    recent.remember(found, ["1", "2", "3"], [0, 1, 2])
    assert [answer(recent, text) for text in "123"] == [None, (2, [2]), None]


def test_the_oldest_lists_are_forgotten_as_a_whole() -> None:
    recent = Recent(5)
    for texts in (["1", "2"], ["3", "4"], ["5", "6"]):
        remember(recent, texts)
    assert [answer(recent, text) is not None for text in "123456"] == [False, False, True, True, True, True]


def test_a_text_that_was_forgotten_can_be_remembered_again() -> None:
    recent = Recent(2)
    for texts in (["1", "2"], ["3"], ["1"]):
        remember(recent, texts)
    assert [answer(recent, text) is not None for text in "123"] == [True, False, True]


def test_a_list_beyond_the_capacity_is_not_kept_at_all() -> None:
    recent = Recent(2)
    remember(recent, ["1", "2", "3"])
    assert not recent.places and not recent.lists


@given(st.lists(st.lists(st.integers(0, 15).map(str), max_size=6, unique=True), max_size=20), st.integers(0, 12))
def test_the_memory_is_bounded_and_says_nothing_wrong(calls: list[list[str]], capacity: int) -> None:
    recent = Recent(capacity)
    for texts in calls:
        remember(recent, texts)
        assert len(recent.places) <= capacity
        assert sorted(text for found in recent.lists for text in found) == sorted(recent.places)
    for text in map(str, range(16)):
        assert answer(recent, text) in (None, (int(text), [int(text)]))


def test_lists_with_nothing_worth_remembering_leave_nothing_behind() -> None:
    recent = Recent(10)
    for _ in range(1000):
        remember(recent, ["1 " + "x" * LONGEST])
    assert not recent.places and not recent.lists


def test_one_short_text_does_not_hold_on_to_its_whole_list() -> None:
    recent = Recent(10)
    remember(recent, ["1 " + "x" * LONGEST] * 1000 + ["2"])
    place = recent.find("2")
    assert place is not None and len(place[0].scores) == 1


def test_who_changes_an_answer_changes_no_later_one() -> None:
    recent = Recent(10)
    found = remember(recent, ["1", "2"])
    found.scores[:] = 99
    found.spans.starts[:] = 99
    assert answer(recent, "2") == (2, [2])
