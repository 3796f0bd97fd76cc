"""95% intervals of shares that are told from a stratified sample: a posterior per cell, simulated.

A cell is a set of rows of which a known number was drawn at random: the rows of a stratum that were given a label, or
that were not. What is unknown is how a cell's rows divide into categories (truly so and not so). Its shares are drawn
from a Dirichlet posterior of the reviewed rows, and every figure of the run is computed from each draw.

Three things make the intervals cover (docs/coverage.md has the figures, and those of the methods that do not):

- The prior is Jeffreys' half an observation for a category, ONCE for all cells on one side of the threshold, divided
  among them in proportion to what they add to the variance. Half an observation in every cell would find rare labels
  everywhere; none would be sure of a stratum of millions after thirty rows without a hit. (One pseudo-observation at
  the largest weight is how Fay and Feuer bound weighted sums of rare events, "Confidence intervals for directly
  standardized rates", 1997.)
- Observations count `(n - 2) / n`, so that the variance of a cell is the unbiased `p (1 - p) / (n - 1)` (what Rao and
  Wu's rescaling does for the bootstrap, "Resampling inference with complex survey data", 1988).
- The finite-population correction: a cell that was reviewed whole is known.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

DRAWS = 4000
TAILS = (0.025, 0.975)
SEED = 7
FEWEST = 3.0  # reviewed rows of a cell: with fewer, `n - 2` leaves nothing
TINY = 1e-9  # of a gamma's shape: zero is not allowed

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Cells:
    """Cells [C] of a label and how their reviewed rows divide into categories [C, K], which may be batched [..., C, K].

    `given` says which cells' rows were given the label, `reviewed` counts rows (fewer where weights differ).
    """

    rows: Array
    reviewed: Array
    given: Array
    shares: Array

    @property
    def part(self) -> Array:
        """The share of a cell's rows that was reviewed [C], at most 1."""
        return np.minimum(self.reviewed / np.maximum(self.rows, 1), 1.0)


def posterior(cells: Cells, random: np.random.Generator, draws: int = DRAWS, possible: Array | None = None) -> Array:
    """Draws of the shares of each cell's rows in each category [..., draws, C, K]; each cell's sum to 1.

    `possible` [C, K] says where a category can be at all (everywhere where it is not given).
    """
    shape = np.maximum(cells.reviewed - 2, 0.5)[:, None] * cells.shares + prior(cells, possible)
    made = random.standard_gamma(shape[..., None, :, :], (*shape.shape[:-2], draws, *shape.shape[-2:]))
    made /= np.maximum(made.sum(axis=-1, keepdims=True), TINY)
    unseen = np.sqrt(1 - cells.part)[:, None]
    return (1 - unseen) * cells.shares[..., None, :, :] + unseen * made


def prior(cells: Cells, possible: Array | None = None) -> Array:
    """Half an observation of every category on either side of the threshold, divided among the cells [C, K]."""
    weight = cells.rows.astype(np.float64) ** 2 / np.maximum(cells.reviewed, 1)
    allowed = np.ones(cells.shares.shape[-2:], bool) if possible is None else possible
    found = np.zeros(allowed.shape)
    for side in (True, False):
        mass = np.where(allowed & (cells.given == side)[:, None], weight[:, None], 0.0)
        found += 0.5 * mass / np.maximum(mass.sum(axis=0), TINY)
    return np.maximum(found, TINY)


def bounds(values: Array, drawn: Array) -> tuple[Array, Array]:
    """The 95% interval of each figure [..., M] from its draws [..., draws, M]; the value itself lies within."""
    low, high = np.quantile(drawn, TAILS, axis=-2)
    return np.fmin(low, values), np.fmax(high, values)


def rates(rows: Array, given: Array, yes: Array, inside: Array | float = 1.0) -> Array:
    """Precision, recall, false-positive rate and prevalence [..., 4], NaN where there is nothing to divide by.

    `rows` and `given` are of the cells [C]; `yes` and `inside` are the shares of their rows [..., C] that are truly so,
    and that belong to the slice.
    """
    positives, negatives = rows * yes, rows * (inside - yes)
    hits, alarms = (positives * given).sum(axis=-1), (negatives * given).sum(axis=-1)
    truly, not_so = positives.sum(axis=-1), negatives.sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = (hits / (hits + alarms), hits / truly, alarms / not_so, truly / (truly + not_so))
    return np.stack(found, axis=-1)
