"""Which bodies are skipped, and how lone surrogates are replaced."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.text.normalise import skip_reason, without_surrogates

ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()))


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (None, "missing"),
        ("", "empty"),
        (" \t\r\n", "empty"),
        ("\u00a0\u2003\u3000", "empty"),
        ("[deleted]", "deleted"),
        ("[removed]", "removed"),
        ("  [removed]\n", "removed"),
        ("[ Removed by Reddit ]", "removed"),
    ],
)
def test_a_body_without_content_is_skipped_with_its_reason(body: str | None, reason: str) -> None:
    assert skip_reason(body) == reason


@pytest.mark.parametrize(
    "body", ["x", "0", "[deleted] was my name", "[Deleted]", "deleted", "\x00", "\u200b", "\ud800"]
)
def test_any_other_body_is_scored(body: str) -> None:
    assert skip_reason(body) is None


@given(ANY_TEXT)
def test_a_skipped_body_says_nothing(body: str) -> None:
    if skip_reason(body) is not None:
        assert body.strip() in ("", "[deleted]", "[removed]", "[ Removed by Reddit ]")


@pytest.mark.parametrize("text", ["\ud800", "\udfff", "\udbff", "\udc00"])
def test_both_ends_of_the_surrogate_range_are_replaced(text: str) -> None:
    assert without_surrogates(f"a{text}b") == "a\ufffdb"


@pytest.mark.parametrize("text", ["\ud7ff", "\ue000", "😀", "\U0010ffff", "\x00"])
def test_what_is_no_surrogate_stays(text: str) -> None:
    assert without_surrogates(text) == text


def test_a_pair_of_surrogates_in_two_code_points_stays_two_code_points() -> None:
    assert without_surrogates("\ud83d\ude00") == "\ufffd\ufffd"


@given(ANY_TEXT)
def test_the_result_can_be_encoded_and_every_offset_stays(text: str) -> None:
    cleaned = without_surrogates(text)
    cleaned.encode()
    assert len(cleaned) == len(text)
    for before, after in zip(text, cleaned, strict=True):
        assert after == ("\ufffd" if "\ud800" <= before <= "\udfff" else before)


@given(ANY_TEXT)
def test_replacing_twice_is_replacing_once(text: str) -> None:
    assert without_surrogates(without_surrogates(text)) == without_surrogates(text)
