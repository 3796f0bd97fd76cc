"""Tokenised texts as windows, windows as batches, and answers put where they belong."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from inference_helpers import CHECKS, texts
from tokenizers import Tokenizer

from moderation.inference.backend import Predictions
from moderation.inference.batches import Batch
from moderation.inference.chunk import SPECIALS, UNTAGGED, Budget, Chunk, Windows, cut
from moderation.inference.tokenise import Tokens, cumulated, tokenise
from moderation.models.spec import ModelSpec
from moderation.text.normalise import without_surrogates
from moderation.text.windows import Window, split

SPEC = ModelSpec(labels=("a", "b"), entity_types=("PER",), max_tokens=16, overlap=4, thresholds={"a": 0.5, "b": 0.5})
SIZE, OVERLAP = SPEC.max_tokens - SPECIALS, SPEC.overlap
lists = st.lists(texts.map(without_surrogates), max_size=6)
counts = st.lists(st.integers(0, 100), max_size=12)
budgets = st.integers(1, 400)


def tokens_of(lengths: list[int]) -> Tokens:
    """Tokens of texts with these lengths; each token is its own number."""
    return Tokens(np.arange(sum(lengths), dtype=np.int32), cumulated(np.array(lengths, np.int64)), [])


def chunk_of(lengths: list[int]) -> Chunk:
    """A chunk of such texts."""
    tokens = tokens_of(lengths)
    windows, total = cut(tokens, SIZE, OVERLAP), len(tokens.ids)
    count = len(windows.owners)
    blank = np.full((count, 2), np.nan, np.float32), np.full(total, UNTAGGED, np.int16), np.zeros(total, np.float32)
    return Chunk([""] * len(lengths), np.arange(len(lengths)), tokens, windows, (101, 102), *blank, count)


def listed(windows: Windows, text: int, base: int) -> list[Window]:
    """A text's windows, counted from its own first token."""
    columns = (windows.starts, windows.ends, windows.own_starts, windows.own_ends)
    return [
        Window(*(int(column[number]) - base for column in columns)) for number in np.flatnonzero(windows.owners == text)
    ]


@CHECKS
@given(lengths=counts)
def test_each_text_has_the_windows_that_its_length_asks_for(lengths: list[int]) -> None:
    tokens = tokens_of(lengths)
    windows = cut(tokens, SIZE, OVERLAP)
    assert windows.owners.tolist() == sorted(windows.owners.tolist())
    for text, length in enumerate(lengths):
        assert listed(windows, text, int(tokens.bounds[text])) == split(length, SIZE, OVERLAP)


@CHECKS
@given(bodies=lists)
def test_windows_own_each_token_of_real_texts_once(tokenizer: Tokenizer, bodies: list[str]) -> None:
    tokens = tokenise(tokenizer, bodies)
    windows = cut(tokens, SIZE, OVERLAP)
    owned = [range(low, high) for low, high in zip(windows.own_starts, windows.own_ends, strict=True)]
    assert [token for part in owned for token in part] == list(range(len(tokens.ids)))
    assert all(SPECIALS < length <= SPEC.max_tokens for length in windows.lengths)


def test_texts_without_tokens_have_no_windows_wherever_they_stand() -> None:
    assert cut(tokens_of([0, 2, 0, 30, 0]), SIZE, OVERLAP).owners.tolist() == [1, 3, 3, 3]
    assert (
        cut(tokens_of([]), SIZE, OVERLAP).owners.tolist() == cut(tokens_of([0, 0]), SIZE, OVERLAP).owners.tolist() == []
    )


@CHECKS
@given(lengths=counts, budget=budgets)
def test_batches_hold_every_window_once_longest_first(lengths: list[int], budget: int) -> None:
    chunk = chunk_of(lengths)
    batches = list(chunk.batches(Budget(budget)))
    order = [int(number) for batch in batches for number in batch.windows]
    assert sorted(order) == list(range(chunk.pending))
    assert order == sorted(order, key=lambda number: -chunk.windows.lengths[number]), "equal lengths keep their order"
    assert all(batch.chunk is chunk for batch in batches)


@CHECKS
@given(lengths=counts, budget=budgets)
def test_batches_are_the_windows_tokens_and_keep_to_the_budget(lengths: list[int], budget: int) -> None:
    chunk = chunk_of(lengths)
    for batch in chunk.batches(Budget(budget)):
        assert len(batch.windows) == 1 or batch.ids.size <= budget
        for row, length, number in zip(batch.ids.tolist(), batch.lengths, batch.windows, strict=True):
            inner = range(chunk.windows.starts[number], chunk.windows.ends[number])
            assert row == [101, *inner, 102] + [0] * (len(row) - length)


@CHECKS
@given(lengths=counts, shrunk=st.lists(budgets, min_size=1, max_size=5))
def test_batches_follow_a_budget_that_shrinks_meanwhile(lengths: list[int], shrunk: list[int]) -> None:
    chunk, budget, seen = chunk_of(lengths), Budget(400), []
    for number, batch in enumerate(chunk.batches(budget)):
        assert len(batch.windows) == 1 or batch.ids.size <= budget.tokens
        seen.extend(batch.windows.tolist())
        budget.tokens = min(budget.tokens, shrunk[number % len(shrunk)])
    assert sorted(seen) == list(range(chunk.pending))


def answer(batch: Batch) -> Predictions:
    """Says of each token, and of each window, which window of the chunk was asked."""
    numbers = np.repeat(batch.windows[:, None], batch.ids.shape[1], axis=1)
    return Predictions(np.stack([batch.windows, batch.lengths], axis=1), numbers.astype(np.int16), numbers / 1000)


@CHECKS
@given(lengths=counts, budget=budgets, order=st.randoms(use_true_random=False))
def test_each_token_is_answered_by_the_window_that_owns_it_in_any_order_of_batches(
    lengths: list[int], budget: int, order: st.DataObject
) -> None:
    chunk = chunk_of(lengths)
    batches = list(chunk.batches(Budget(budget)))
    order.shuffle(batches)  # type: ignore[attr-defined]
    for batch in batches:
        chunk.accept(batch, answer(batch))
    owners = np.repeat(np.arange(len(chunk.windows.owners)), chunk.windows.own_ends - chunk.windows.own_starts)
    assert chunk.pending == 0
    assert chunk.tags.tolist() == owners.tolist()
    assert np.allclose(chunk.confidence, owners / 1000)
    assert chunk.logits[:, 0].tolist() == list(range(len(chunk.logits)))
    assert chunk.logits[:, 1].tolist() == chunk.windows.lengths.tolist()


def test_answers_without_tags_leave_all_tokens_outside() -> None:
    chunk = chunk_of([3, 40])
    for batch in chunk.batches(Budget(100)):
        chunk.accept(batch, Predictions(answer(batch).logits, None, None))
    assert (chunk.tags == UNTAGGED).all() and not chunk.pending and np.isfinite(chunk.logits).all()


def test_a_refused_window_costs_its_text_alone() -> None:
    chunk = chunk_of([3, 40, 5])
    for batch in chunk.batches(Budget(1)):
        if chunk.windows.owners[batch.windows[0]] == 1:
            chunk.refuse(batch, "why")
        else:
            chunk.accept(batch, answer(batch))
    assert chunk.errors == {1: "why"} and chunk.pending == 0


def test_a_chunk_is_prepared_with_the_rows_of_its_texts(tokenizer: Tokenizer) -> None:
    chunk = Chunk.prepare(tokenizer, ["hello world", "\x00", "you " * 20], np.array([4, 7, 9]), SPEC)
    assert chunk.rows.tolist() == [4, 7, 9]
    assert chunk.tokens.lengths.tolist() == [2, 0, 20] and chunk.pending == len(chunk.windows.owners) == 3
    assert chunk.logits.shape == (3, 2) and np.isnan(chunk.logits).all()
    assert chunk.specials == (tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]"))
