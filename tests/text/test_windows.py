"""How long text is cut into windows."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.text.windows import Window, split


@st.composite
def cuts(draw: st.DrawFn) -> tuple[int, int, int]:
    """A length, a window size and an overlap that fits it."""
    size = draw(st.integers(1, 60))
    return draw(st.integers(0, 400)), size, draw(st.integers(0, size - 1))


@given(cuts())
def test_every_token_is_owned_exactly_once_and_in_order(cut: tuple[int, int, int]) -> None:
    owned = [token for window in split(*cut) for token in range(window.own_start, window.own_end)]
    assert owned == list(range(cut[0]))


@given(cuts())
def test_a_window_holds_what_it_owns_and_owns_something(cut: tuple[int, int, int]) -> None:
    for window in split(*cut):
        assert window.start <= window.own_start < window.own_end <= window.end


@given(cuts())
def test_no_window_is_empty_or_longer_than_the_size_or_outside_the_text(cut: tuple[int, int, int]) -> None:
    length, size, _ = cut
    for window in split(*cut):
        assert 0 <= window.start < window.end <= min(window.start + size, length)


@given(cuts())
def test_neighbours_share_at_least_the_overlap_and_move_on(cut: tuple[int, int, int]) -> None:
    for one, two in pairwise(split(*cut)):
        assert one.end - two.start >= cut[2]
        assert one.start < two.start and one.end < two.end


@given(cuts())
def test_all_windows_of_a_text_are_equally_long_and_reach_its_end(cut: tuple[int, int, int]) -> None:
    length, size, _ = cut
    windows = split(*cut)
    assert (len(windows) > 1) == (length > size)
    assert len({window.end - window.start for window in windows}) <= 1
    assert not windows or (windows[0].start, windows[-1].end) == (0, length)


@given(cuts())
def test_no_token_is_computed_more_often_than_the_overlap_asks_for(cut: tuple[int, int, int]) -> None:
    windows = split(*cut)
    computed = sum(window.end - window.start for window in windows)
    needed = cut[0] + max(0, len(windows) - 1) * cut[2]
    assert needed <= computed < needed + max(1, len(windows))


@given(cuts())
def test_a_token_is_owned_by_the_window_that_shows_most_context(cut: tuple[int, int, int]) -> None:
    length, windows = cut[0], split(*cut)

    def context(window: Window, token: int) -> int:
        left = token - window.start if window.start else length
        right = window.end - 1 - token if window.end < length else length
        return min(left, right)

    for owner in windows:
        for token in range(owner.own_start, owner.own_end):
            seen = [context(window, token) for window in windows if window.start <= token < window.end]
            assert context(owner, token) == max(seen)


@given(cuts())
def test_there_are_no_more_windows_than_needed(cut: tuple[int, int, int]) -> None:
    length, size, overlap = cut
    assert len(split(*cut)) == (0 if length == 0 else 1 + max(0, -(-(length - size) // (size - overlap))))


def test_a_long_text_by_hand() -> None:
    assert split(11, 5, 2) == [Window(0, 5, 0, 4), Window(3, 8, 4, 7), Window(6, 11, 7, 11)]


def test_a_text_a_little_longer_than_a_window_makes_two_of_half_its_length() -> None:
    assert split(6, 5, 0) == [Window(0, 3, 0, 3), Window(3, 6, 3, 6)]


def test_no_tokens_no_windows() -> None:
    assert split(0, 5, 2) == []


@pytest.mark.parametrize(("size", "overlap"), [(5, 5), (5, 6), (5, -1), (0, 0), (-3, 0)])
def test_an_overlap_that_leaves_no_progress_is_refused(size: int, overlap: int) -> None:
    with pytest.raises(ValueError, match=f"overlap {overlap} .* window size {size}"):
        split(10, size, overlap)
