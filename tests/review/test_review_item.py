"""A row as a reviewer sees it: the text whole, in pieces; what is around it; nothing that the run said."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.review.item import Answer, Segment, make_item, segments

ROW = {
    "id": "r1",
    "date": "2026-01-05",
    "place": 3,
    "body": "You 🙈 fool, go back to Paris",
    "subreddit": "news",
    "author": "somebody",
    "parent_id": "t1_9",
    "created_utc": 1767571200,
    "duplicates": 4,
    "entities": [{"start": 23, "end": 28, "type": "LOC"}],
    "scores": {"insult": 0.91, "threat": None},
    "labels": ["insult"],
    "action": "remove",
    "severity": "high",
    "rules": ["insults"],
}
LABELS = ["insult", "threat"]
SPANS = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40), st.sampled_from(["LOC", "PER"])), max_size=5)
MARKS = st.lists(st.tuples(st.integers(-5, 60), st.integers(-5, 60), st.floats(-2, 2)), max_size=8)


@given(body=st.text(max_size=50), spans=SPANS, marks=MARKS)
def test_the_pieces_of_a_text_are_the_text(body, spans, marks) -> None:
    found = segments(body, spans, marks)
    assert "".join(piece.text for piece in found) == body and all(piece.text for piece in found)


def test_entities_and_driving_words_are_pieces_of_their_own_counted_in_code_points() -> None:
    found = make_item(ROW, LABELS, {}, marks=[(6, 10, 1.5), (20, 28, -0.5)]).segments
    assert found == [
        Segment("You 🙈 "),
        Segment("fool", None, 1.5),
        Segment(", go back "),
        Segment("to ", None, -0.5),
        Segment("Paris", "LOC", -0.5),
    ]


def test_labels_have_keys_and_the_words_of_this_reviewer() -> None:
    found = make_item(ROW, LABELS, {"insult": "yes"})
    assert found.labels == [Answer("insult", "1", "yes"), Answer("threat", "2", None)]
    assert (found.asked, found.done) == ("threat", False)
    done = make_item(ROW, LABELS, dict.fromkeys(LABELS, "no"))
    assert (done.asked, done.done) == (None, True)
    assert [one.key for one in make_item(ROW, [str(at) for at in range(11)], {}).labels][8:] == ["9", "", ""]


def test_what_the_run_said_is_only_there_when_it_was_asked_for() -> None:
    hidden = make_item(ROW, LABELS, {})
    assert hidden.revealed is None
    assert not any(text in repr(hidden) for text in ("0.91", "remove", "high", "insults"))
    shown = make_item(ROW, LABELS, {}, revealed=True).revealed
    assert shown and (shown.scores, shown.labels) == ({"insult": 0.91, "threat": None}, ["insult"])
    assert (shown.action, shown.severity, shown.rules) == ("remove", "high", ["insults"])


def test_the_context_is_what_is_there_and_says_nothing_twice() -> None:
    found = make_item(ROW, LABELS, {})
    assert found.context == {
        "subreddit": "news",
        "created": "2026-01-05 00:00 UTC",
        "author": "somebody",
        "parent id": "t1_9",
    }
    assert found.duplicates == 4
    bare = make_item({"id": 7, "date": "d", "place": 0, "body": None}, LABELS, {})
    assert (bare.row_id, bare.body, bare.segments, bare.duplicates) == ("7", "", [], 1)
    assert bare.context == {"date": "d"}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (datetime(2026, 1, 5, 12, 30, tzinfo=UTC), "2026-01-05 12:30 UTC"),
        (float("nan"), "nan"),
        (1e300, "1e+300"),
        ("yesterday", "yesterday"),
    ],
)
def test_times_of_any_kind_are_shown(value, text) -> None:
    assert make_item(ROW | {"created_utc": value}, LABELS, {}).context["created"] == text
