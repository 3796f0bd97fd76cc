"""The order of examples: random, yet the same for the same seed, so that a killed run goes on where it was."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from moderation.training.batches import token_budget_batches
from moderation.training.data import Example
from moderation.training.join import joined
from moderation.training.recipe import Recipe

WINDOW = 4096  # examples that are sorted by length together: alike in length, random in all else
SPECIALS = 2


@dataclass(frozen=True)
class Step:
    """What one update of the weights learns from: some texts, some sentences, or both."""

    texts: list[Example]
    sentences: list[Example]


def epoch_steps(recipe: Recipe, texts: list[Example], sentences: list[Example], epoch: int) -> list[Step]:
    """The steps of an epoch: all texts once, each batch with a smaller one of sentences, which come round again.

    Without texts an epoch is all sentences once. Texts that the recipe has joined come besides, others in each epoch.
    """
    random = np.random.default_rng([recipe.seed, epoch])
    if not texts:
        return [Step([], batch) for batch in shuffled(sentences, recipe.batch_tokens, random)]
    if recipe.join:
        texts = [*texts, *joined(texts, recipe.join, recipe.max_tokens - SPECIALS, random)]
    batches = shuffled(texts, recipe.batch_tokens, random)
    beside = islice(endless(sentences, recipe.sentence_tokens, random), len(batches))
    return [Step(batch, next(beside, [])) for batch in batches]


def endless(examples: list[Example], budget: int, random: np.random.Generator) -> Iterator[list[Example]]:
    """Batches of examples, anew in another order when all have come."""
    while examples:
        yield from shuffled(examples, budget, random)


def shuffled(examples: list[Example], budget: int, random: np.random.Generator) -> list[list[Example]]:
    """All examples once in token-budget batches, in random order."""
    batches = list(grouped(examples, budget, random.permutation(len(examples))))
    return [batches[number] for number in random.permutation(len(batches))]


def grouped(examples: list[Example], budget: int, order: np.ndarray) -> Iterator[list[Example]]:
    """Token-budget batches within windows of the given order."""
    for low in range(0, len(order), WINDOW):
        chosen = order[low : low + WINDOW]
        lengths = np.array([len(examples[index].ids) + SPECIALS for index in chosen])
        for batch in token_budget_batches(lengths, budget):
            yield [examples[chosen[index]] for index in batch]
