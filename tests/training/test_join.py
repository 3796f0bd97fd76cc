"""Long texts made of short ones for training."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.training.data import Example
from moderation.training.join import joined
from moderation.training.order import epoch_steps
from moderation.training.recipe import Recipe

LIMIT = 40
NOT_JUDGED = float("nan")
TARGETS = st.lists(st.sampled_from([0.0, 1.0, NOT_JUDGED]), min_size=3, max_size=3)


def texts_of(targets: list[list[float]], lengths: list[int]) -> list[Example]:
    """Texts each of whose tokens is the number of the text."""
    return [
        Example(np.full(length, number), labels=np.array(target, np.float32), weight=1 + number)
        for number, (target, length) in enumerate(zip(targets, lengths, strict=True))
    ]


@st.composite
def many(draw: st.DrawFn) -> list[Example]:
    targets = draw(st.lists(TARGETS, max_size=12))
    lengths = draw(st.lists(st.integers(0, LIMIT), min_size=len(targets), max_size=len(targets)))
    return texts_of(targets, lengths)


@given(many(), st.integers(0, 99))
def test_a_joined_text_is_one_whole_text_among_texts_that_are_polite_for_all_it_was_judged_for(texts, seed) -> None:
    for made in joined(texts, 1.0, LIMIT, np.random.default_rng(seed)):
        numbers = set(made.ids.tolist())
        hosts = [number for number in numbers if texts[number].weight == made.weight]
        assert len(hosts) == 1
        text = texts[hosts[0]]
        np.testing.assert_array_equal(made.labels, text.labels)
        judged = ~np.isnan(text.labels)
        assert all((texts[number].labels[judged] == 0).all() for number in numbers - set(hosts))
        assert LIMIT // 2 <= len(made.ids) <= LIMIT and len(made.ids) > len(text.ids)
        runs = np.flatnonzero(made.ids == hosts[0])
        assert len(runs) >= len(text.ids)
        if (text.labels[judged] == 1).any():  # else it may stand beside itself
            assert runs.tolist() == list(range(runs[0], runs[0] + len(text.ids)))


def test_the_share_of_texts_is_joined_and_each_comes_once() -> None:
    texts = texts_of([[1, 0, NOT_JUDGED]] * 10 + [[0, 0, 0]] * 90, [5] * 100)
    made = joined(texts, 0.3, LIMIT, np.random.default_rng(1))
    assert len(made) == 30
    assert len({text.weight for text in made}) == 30


def test_without_polite_texts_nothing_is_joined() -> None:
    assert joined(texts_of([[1, 0, 0]] * 4, [5] * 4), 1.0, LIMIT, np.random.default_rng(1)) == []
    assert joined(texts_of([[1, 0, 0], [0, 0, 0]], [5, 0]), 1.0, LIMIT, np.random.default_rng(1)) == []
    assert joined([], 1.0, LIMIT, np.random.default_rng(1)) == []


def test_long_texts_are_left_alone() -> None:
    texts = texts_of([[1, 0, 0], [0, 0, 0]], [LIMIT // 2 + 1, LIMIT])
    assert joined(texts, 1.0, LIMIT, np.random.default_rng(1)) == []


def recipe_with(join: float) -> Recipe:
    source = {"file": "texts.parquet", "labels": {"a": "a", "b": "b", "c": "c"}}
    return Recipe.model_validate({"labels": ["a", "b", "c"], "texts": [source], "max_tokens": LIMIT + 2, "join": join})


def test_an_epoch_has_every_text_and_the_joined_ones_besides_others_in_each_epoch() -> None:
    texts = texts_of([[1, 0, 0], [0, 0, 0]] * 50, [5] * 100)
    seen = []
    for epoch in (0, 0, 1):
        rows = [text for step in epoch_steps(recipe_with(0.1), texts, [], epoch) for text in step.texts]
        alone = [text for text in rows if len(text.ids) == 5]
        assert sorted(text.weight for text in alone) == sorted(text.weight for text in texts)
        seen.append([text.ids.tolist() for text in rows if len(text.ids) > 5])
        assert len(seen[-1]) == 10
    assert seen[0] == seen[1] != seen[2]
    plain = [text for step in epoch_steps(recipe_with(0.0), texts, [], 0) for text in step.texts]
    assert len(plain) == 100


def test_a_recipe_without_labels_has_nothing_to_join() -> None:
    tokens = [{"file": "words.parquet", "types": ["PER"]}]
    with pytest.raises(ValueError, match="join makes long texts for labels, and there are none"):
        Recipe.model_validate({"entity_types": ["PER"], "tokens": tokens, "join": 0.1})
