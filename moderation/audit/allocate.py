"""How many rows to draw from each stratum, before anybody has reviewed one.

What reviewers will say is anticipated by the calibrated score: a row of score 0.2 is truly so with probability 0.2.
Neyman's allocation then draws where it narrows the intervals most: near the threshold, and, since a stratum of
millions may hide many misses, also far below it. With several figures to narrow it is Bethel's problem ("Sample
allocation in multivariate surveys", 1989), solved by Chromy's iteration ("Design optimization with multiple
objectives", 1987).
"""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from moderation.audit.intervals import Array, Cells, bounds, posterior, rates

FLOOR = 0.001  # no stratum is anticipated to hold fewer misses than one in a thousand rows, whatever the scores say
LEAST = 5  # rows of a stratum that are drawn at least: fewer tell nothing about its variance
REVIEWS = 40  # simulated reviews of which an expected margin is the mean
DRAWS = 300
ROUNDS = 60
TOLERANCE = 1.01


@dataclass(frozen=True)
class Frame:
    """Sums over the rows of each stratum: rows [H], and for each label rows given it, rows expected to be truly so, and
    both [H, L]."""

    rows: Array
    given: Array
    expected: Array
    expected_given: Array

    def only(self, labels: list[int]) -> Self:
        """The same for some labels."""
        return replace(
            self,
            given=self.given[:, labels],
            expected=self.expected[:, labels],
            expected_given=self.expected_given[:, labels],
        )


def variances(frame: Frame) -> Array:
    """Each stratum's part of the variance of each label's precision and recall, times its sample size [2 L, H].

    The linearised variance of a ratio: of the residuals `given * (y - precision)` and `y * (given - recall)`, over the
    totals that they are divided by (Saerndal, Swensson and Wretman, "Model Assisted Survey Sampling", 5.6).
    """
    rows = np.maximum(frame.rows, 1)[:, None]
    given, expected, both = (x / rows for x in (frame.given, frame.expected, frame.expected_given))
    total_given, total = frame.given.sum(axis=0), frame.expected.sum(axis=0)
    precision = frame.expected_given.sum(axis=0) / np.maximum(total_given, 1)
    recall = frame.expected_given.sum(axis=0) / np.maximum(total, 1e-12)
    first = both * (1 - 2 * precision) + given * precision**2
    second = both * (1 - 2 * recall) + expected * recall**2
    spread = [
        (first - (both - given * precision) ** 2) / np.maximum(total_given, 1) ** 2,
        (second - (both - expected * recall) ** 2) / np.maximum(total, 1e-12) ** 2,
    ]
    return (np.maximum(np.stack(spread), 0) * rows**2).transpose(0, 2, 1).reshape(-1, len(frame.rows))


def sizes_for_total(frame: Frame, total: int) -> Array:
    """Rows to draw from each stratum [H], about `total` in all: the least sum of the figures' variances, each measured
    by what it would be had the sample been drawn for it alone."""
    parts = variances(frame)
    alone = np.sqrt(parts).sum(axis=1) ** 2
    weights = np.where(alone > 0, 1 / np.where(alone > 0, alone, 1), 0)
    return fit(np.sqrt(weights @ parts), frame.rows, total)


def fit(shape: Array, rows: Array, total: int) -> Array:
    """Sizes in proportion to `shape` [H] that sum to about `total`, each at least `LEAST` and at most its rows."""
    least = np.minimum(rows, LEAST).astype(np.float64)
    sizes, free = least.copy(), rows > 0
    shape = np.maximum(shape, shape.max(initial=0) * 1e-9 + 1e-300)
    for _ in range(len(rows) + 1):
        wanted = max(total - sizes[~free].sum(), 0) * shape / max(shape[free].sum(), 1e-300)
        bound = free & ((wanted <= least) | (wanted >= rows))
        if not bound.any():
            sizes[free] = wanted[free]
            break
        above = bound & (wanted >= rows)  # fixing what is cut off first leaves more for the others, not less
        fixed = above if above.any() else bound
        sizes[fixed] = np.clip(wanted, least, rows)[fixed]
        free &= ~fixed
    return np.clip(np.rint(sizes), least, rows).astype(np.int64)


def sizes_for_margin(frame: Frame, margin: float, most: int) -> Array:
    """Rows to draw from each stratum [H] so that precision and recall of every label are expected within `margin`.

    At most `most` rows: where that is too few, the allocation for that total. The margin is that of the intervals that
    will be computed, in simulated reviews, not that of a formula.
    """
    target = (margin / 1.96) ** 2
    for _ in range(8):
        sizes = chromy(variances(frame), frame.rows, target)
        if sizes.sum() > most:
            return sizes_for_total(frame, most)
        widest = np.nan_to_num(expected_margins(frame, sizes)[:, :2]).max()
        if widest <= margin * TOLERANCE or (sizes >= frame.rows).all():
            return sizes
        target *= min((margin / widest) ** 2, 0.9)
    return sizes


def chromy(parts: Array, rows: Array, target: float) -> Array:
    """The smallest sizes [H] with which the variance of every figure is at most `target`; the finite-population
    correction counts."""
    needed = parts[parts.sum(axis=1) > 0]
    if not len(needed):
        return np.minimum(rows, LEAST)
    limits = target + (needed / np.maximum(rows, 1)).sum(axis=1)
    multipliers = np.ones(len(needed)) / len(needed)
    for _ in range(ROUNDS):
        shape = np.sqrt(multipliers @ needed)
        found = (needed / np.maximum(shape, 1e-300)).sum(axis=1)  # the variance of each figure, at `shape` rows
        multipliers *= (found * np.sqrt(multipliers @ limits) / limits) ** 2 / shape.sum()
        multipliers /= multipliers.sum()
    shape = np.sqrt(multipliers @ needed)
    scale = ((needed / np.maximum(shape, 1e-300)).sum(axis=1) / limits).max()
    return np.clip(np.ceil(shape * scale), np.minimum(rows, LEAST), rows).astype(np.int64)


def expected_margins(frame: Frame, sizes: Array, seed: int = 7) -> Array:
    """Half the width of the interval of each label's precision, recall, false-positive rate and prevalence [L, 4].

    The mean over `REVIEWS` simulated reviews, in which every row is truly so as its score says; NaN where a label was
    given to no row or is expected in none.
    """
    random = np.random.default_rng(seed)
    return np.stack([label_margins(frame, sizes, label, random) for label in range(frame.given.shape[1])])


def expected_values(frame: Frame) -> Array:
    """Precision, recall, false-positive rate and prevalence of each label [L, 4], had the scores been right."""
    cells = [label_cells(frame, label) for label in range(frame.given.shape[1])]
    return np.stack([rates(rows, given, chance) for rows, given, chance in cells])


def label_margins(frame: Frame, sizes: Array, label: int, random: np.random.Generator) -> Array:
    """The expected margins of one label [4]."""
    rows, given, chance = label_cells(frame, label)
    drawn = np.maximum(np.tile(sizes / np.maximum(frame.rows, 1), 2) * rows, 1)
    reviewed = np.minimum(np.maximum(np.rint(drawn), 1), rows)
    kept = rows > 0
    rows, given, chance, reviewed = rows[kept], given[kept], chance[kept], reviewed[kept]
    said = random.binomial(reviewed.astype(np.int64), chance, (REVIEWS, len(rows))) / reviewed
    cells = Cells(rows, reviewed, given, np.stack([said, 1 - said], axis=-1))
    values = rates(rows, given, said)
    low, high = bounds(values, rates(rows, given, posterior(cells, random, DRAWS)[..., 0]))
    half = (high - low) / 2
    half[np.isnan(values)] = np.nan
    with np.errstate(all="ignore"):
        found = np.array([np.nanmean(column) if not np.isnan(column).all() else np.nan for column in half.T])
    return found if rows[given].sum() else np.where([True, True, False, False], np.nan, found)


def label_cells(frame: Frame, label: int) -> tuple[Array, Array, Array]:
    """Rows, whether they were given the label, and the share expected to be truly so, of the cells [2 H] of a label."""
    given, expected, both = (x[:, label] for x in (frame.given, frame.expected, frame.expected_given))
    rows = np.concatenate([given, frame.rows - given]).astype(np.float64)
    truly = np.concatenate([both, expected - both])
    side = np.repeat([True, False], len(frame.rows))
    return rows, side, np.clip(truly / np.maximum(rows, 1), 0, 1)
