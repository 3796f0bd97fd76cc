"""Where memory is short, batches get smaller, the engine remembers it, and no row is lost."""

import pytest
import torch
from failing_backend import NEIGHBOURS, assert_only_failure, fitting, refusing, replace
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from inference_helpers import FEW_CHECKS, assert_same, bodies

from moderation.inference.chunk import Budget
from moderation.inference.moderator import Moderator, Result

ERRORS = [
    MemoryError(),
    MemoryError("std::bad_alloc"),
    RuntimeError("could not allocate memory"),
    RuntimeError("Exception from src/inference: std::bad_alloc"),
    torch.OutOfMemoryError("CUDA out of memory"),
]


@pytest.fixture(scope="module")
def neighbours(moderator: Moderator) -> list[Result]:
    """What the neighbours are answered while nothing fails."""
    return moderator.score(NEIGHBOURS)


@pytest.fixture
def budget(monkeypatch: pytest.MonkeyPatch, moderator: Moderator) -> Budget:
    """A budget of the engine's that a test may spoil."""
    fresh = Budget(moderator.engine.members[0].budget.tokens)
    monkeypatch.setattr(moderator.engine.members[0], "budget", fresh)
    return fresh


@pytest.mark.parametrize("error", ERRORS, ids=repr)
@pytest.mark.parametrize("tokens", [64, 500])
def test_a_batch_too_large_for_memory_is_split_until_it_fits_and_the_size_is_remembered(
    moderator: Moderator,
    neighbours: list[Result],
    monkeypatch: pytest.MonkeyPatch,
    budget: Budget,
    error: Exception,
    tokens: int,
) -> None:
    sizes: list[int] = []
    replace(monkeypatch, moderator, fitting(moderator, tokens, error, sizes))
    for mine, expected in zip(moderator.score(NEIGHBOURS), neighbours, strict=True):
        assert_same(mine, expected)
    assert max(sizes) > tokens >= budget.tokens
    sizes.clear()
    for mine, expected in zip(moderator.score(NEIGHBOURS), neighbours, strict=True):
        assert_same(mine, expected)
    assert max(sizes) <= tokens, "the second list fails nowhere"


@settings(FEW_CHECKS, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(bodies, max_size=12), tokens=st.integers(64, 400), waiting=st.integers(0, 3))
def test_no_row_is_lost_to_short_memory(
    moderator: Moderator, texts: list[str | None], tokens: int, waiting: int
) -> None:
    expected = moderator.score(texts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(moderator.engine.members[0], "budget", Budget(1000))
        replace(patch, moderator, fitting(moderator, tokens, MemoryError(), []), waiting)
        for mine, wanted in zip(moderator.score(texts), expected, strict=True):
            assert_same(mine, wanted)


@pytest.mark.usefixtures("budget")
def test_a_text_too_large_for_memory_even_alone_fails_alone(
    moderator: Moderator, neighbours: list[Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    replace(monkeypatch, moderator, refusing(moderator, MemoryError()))
    results = moderator.score(["a poison", *NEIGHBOURS])
    assert_only_failure(results, 0, "model_error:MemoryError", neighbours)


def test_what_was_asked_of_the_model_in_vain_is_not_counted_as_computed(
    moderator: Moderator, monkeypatch: pytest.MonkeyPatch, budget: Budget
) -> None:
    usual = moderator.engine.score(NEIGHBOURS).work
    replace(monkeypatch, moderator, fitting(moderator, 64, MemoryError(), []))
    work = moderator.engine.score(NEIGHBOURS).work
    assert (work.windows, work.computed_tokens, work.texts) == (usual.windows, usual.computed_tokens, usual.texts)
    assert work.computed_tokens <= work.padded_tokens <= usual.padded_tokens and budget.tokens < 1000
