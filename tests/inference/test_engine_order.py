"""A text's answer is its own: neither order, nor neighbours, nor batches, nor chunks change it."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inference_helpers import FEW_CHECKS, HOSTILE, WORDS, assert_same, bodies

import moderation.inference.engine as engine_module
from moderation.inference.engine import Engine
from moderation.inference.moderator import Moderator, Result
from moderation.models.load import find_model

MIXED = [*HOSTILE, None, "[deleted]", *(" ".join(WORDS * count) for count in (1, 7, 2, 12))]


@pytest.fixture(scope="module")
def alone(moderator: Moderator) -> list[Result]:
    """Each of the mixed texts scored by itself."""
    return [moderator.score([text])[0] for text in MIXED]


def assert_all_same(results: list[Result], expected: list[Result]) -> None:
    for one, two in zip(results, expected, strict=True):
        assert_same(one, two)


@FEW_CHECKS
@given(texts=st.lists(bodies, max_size=8))
def test_each_text_is_answered_as_if_it_were_alone(moderator: Moderator, texts: list[str | None]) -> None:
    assert_all_same(moderator.score(texts), [moderator.score([text])[0] for text in texts])


@settings(FEW_CHECKS, max_examples=6)
@given(texts=st.permutations(MIXED))
def test_any_order_gives_the_same_answers(moderator: Moderator, alone: list[Result], texts: list[str | None]) -> None:
    expected = dict(zip(MIXED, alone, strict=True))
    assert_all_same(moderator.score(texts), [expected[text] for text in texts])


@pytest.mark.parametrize("budget", [1, 70, 500, 1_000_000])
def test_any_token_budget_gives_the_same_answers(tiny_model: Path, alone: list[Result], budget: int) -> None:
    other = Moderator(Engine(find_model(str(tiny_model)), "fp32", token_budget=budget))
    assert_all_same(other.score(MIXED), alone)


@pytest.mark.parametrize("size", [1, 100, 1000])
def test_any_chunk_size_gives_the_same_answers(
    moderator: Moderator, alone: list[Result], monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(engine_module, "CHUNK_CHARACTERS", size)
    assert_all_same(moderator.score(MIXED), alone)


@given(sizes=st.lists(st.integers(0, 30), max_size=20), limit=st.integers(1, 50))
def test_a_chunk_ends_with_the_text_that_fills_it_and_leaves_out_skipped_rows(sizes: list[int], limit: int) -> None:
    texts = ["x" * size or None for size in sizes]
    found = engine_module.parts([row for row, text in enumerate(texts) if text], texts, limit)
    assert [row for rows in found for row in rows] == [row for row, size in enumerate(sizes) if size]
    for rows in found:
        assert rows and sum(sizes[row] for row in rows[:-1]) < limit


def test_a_call_does_not_change_the_answers_of_later_calls(moderator: Moderator) -> None:
    first = moderator.score(MIXED)
    moderator.score(["something else entirely"] * 5)
    assert moderator.score(MIXED) == first


def test_equal_texts_have_equal_answers_and_different_texts_do_not(moderator: Moderator) -> None:
    one, other, again = moderator.score(["you idiot", "what a lovely day", "you idiot"])
    assert_same(one, again)
    assert max(abs(one.scores[label] - other.scores[label]) for label in one.scores) > 0.01


def test_two_loads_answer_alike(tiny_model: Path, alone: list[Result]) -> None:
    assert_all_same(Moderator.load(str(tiny_model), "fp32").score(MIXED), alone)


@pytest.mark.parametrize("texts", [[], [None], [""], [None, "", "[removed]"]])
def test_lists_without_a_readable_text_need_no_model(
    moderator: Moderator, monkeypatch: pytest.MonkeyPatch, texts: list[str | None]
) -> None:
    monkeypatch.setattr(moderator.engine.members[0], "backend", None)
    assert [result.status for result in moderator.score(texts)] == ["skipped"] * len(texts)
