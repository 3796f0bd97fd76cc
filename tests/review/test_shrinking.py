"""The picture of an interval that shrinks: where it should be, in words too, harmless whatever a label is called."""

import re
from xml.etree import ElementTree

from moderation.review.shrinking import pictures, points_of, shrinking


def moment(reviewed: int, low: float | None, value: float | None, high: float | None, label: str = "insult") -> dict:
    """A point of a history."""
    about = {"label": label, "slice": None, "note": ""}
    return {
        "entries": reviewed,
        "estimates": [
            about | {"measure": "precision", "low": low, "value": value, "high": high, "n": reviewed // 2},
            about | {"measure": "prevalence", "low": 0.0, "value": 0.1, "high": 0.2, "n": reviewed},
        ],
    }


HISTORY = [moment(10, None, None, None), moment(50, 0.2, 0.5, 0.9), moment(200, 0.4, 0.6, 0.8)]


def heights(picture: str) -> list[tuple[float, float]]:
    """The corners of the band."""
    points = re.search('class="band" points="([^"]*)"', picture).group(1).split()
    return [tuple(map(float, point.split(","))) for point in points]


def test_the_band_shrinks_to_the_right_and_holds_the_line() -> None:
    first_high, last_high, last_low, first_low = heights(shrinking(HISTORY, "insult"))
    assert first_high[0] == first_low[0] < last_high[0] == last_low[0]
    assert first_high[1] < last_high[1] < last_low[1] < first_low[1]  # y grows downwards
    line = re.search('polyline class="value" points="([^"]*)"', shrinking(HISTORY, "insult")).group(1).split()
    assert last_high[1] < float(line[-1].split(",")[1]) < last_low[1]


def test_it_is_said_in_words_and_is_nothing_before_there_are_two_figures() -> None:
    found = ElementTree.fromstring(shrinking(HISTORY, "insult"))
    assert found.attrib["role"] == "img"
    assert found.attrib["aria-label"] == (
        "precision of insult: 0.6, from 0.4 to 0.8 after 200 texts; from 0.2 to 0.9 after 50"
    )
    assert shrinking(HISTORY[:2], "insult") == shrinking(HISTORY, "threat") == shrinking([], "insult") == ""
    assert shrinking(HISTORY, "insult", "recall") == ""


def test_points_come_by_texts_reviewed_whatever_their_order() -> None:
    assert [point.reviewed for point in points_of(HISTORY[::-1], "insult", "precision")] == [50, 200]


def test_there_is_a_picture_of_every_label_of_which_enough_is_known() -> None:
    both = [
        {
            "entries": 1,
            "estimates": [*moment(n, 0.2, 0.5, 0.9)["estimates"], *moment(n, None, None, None, "threat")["estimates"]],
        }
        for n in (50, 60)
    ]
    assert pictures(both) == shrinking(both, "insult") != "" == pictures([])


def test_small_figures_have_a_scale_of_their_own() -> None:
    small = [moment(50, 0.001, 0.004, 0.02), moment(500, 0.002, 0.003, 0.004)]
    assert "1%</text>" in shrinking(small, "insult") and "100%" in shrinking(HISTORY, "insult")
    assert all(6 <= y <= 56 for _, y in heights(shrinking(small, "insult")))


def test_a_label_cannot_leave_its_attribute_and_no_style_is_used() -> None:
    label = '"><script>alert(1)</script>'
    picture = shrinking([moment(50, 0.2, 0.5, 0.9, label), moment(60, 0.2, 0.5, 0.8, label)], label)
    assert ElementTree.fromstring(picture).attrib["aria-label"].startswith(f"precision of {label}")
    assert "<script" not in picture and "style" not in picture
