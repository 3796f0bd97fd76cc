"""How often the audit's 95% intervals hold the truth, beside the intervals that were tried and left.

    make coverage-study

Populations of a million rows whose truth is known are drawn, sampled as `moderation audit sample` would, reviewed
without error, and estimated; the share of intervals that hold the true figure is the coverage. A population is its
strata: how many rows each has, and how many of them are truly so, drawn anew every time; a sample is a hypergeometric
draw from each. That is what sampling row by row would give, a thousand times faster.
"""

import argparse
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from moderation.audit.allocate import FLOOR, Frame, sizes_for_total
from moderation.audit.estimates import MEASURES
from moderation.audit.intervals import Array, Cells, bounds, posterior, rates

ROWS = 1_000_000
COPIES = 20
EDGES = np.array([-6.0, -4, -2, -1, 0, 1, 2])
SPREAD = 2.5  # of the logits of scores
PREVALENCES = (0.003, 0.01, 0.03, 0.1)
SIZES = (500, 1000, 2000)
TRUTHS = {
    "calibrated": "a score is the probability that a row is truly so",
    "overconfident": "the true logit is 0.6 of the score's: low scores hide many misses",
    "too low": "the true logit is 1 above the score's",
    "too high": "the true logit is 1 below the score's",
    "blind": "15% of what is truly so has nothing to do with the score",
}
BEGIN, END = "<!-- study -->", "<!-- end of study -->"
BATCH = 50  # populations at a time: their draws are held in memory


@dataclass(frozen=True)
class Setting:
    """One kind of population and the rows that are reviewed."""

    prevalence: float
    truth: str
    size: int


def logistic(x: Array) -> Array:
    """The inverse of the logit."""
    return 1 / (1 + np.exp(-x))


@cache
def logits(prevalence: float) -> Array:
    """Logits of calibrated scores whose mean is the prevalence: evenly many quantiles of them, each `COPIES` rows."""
    from scipy.stats import norm

    normal = norm.ppf((np.arange(ROWS // COPIES) + 0.5) / (ROWS // COPIES))
    low, high = -20.0, 5.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if logistic(middle + SPREAD * normal).mean() > prevalence else (middle, high)
    return low + SPREAD * normal


def chance(truth: str, scores: Array, prevalence: float) -> Array:
    """How probable it is that a row of these logits is truly so."""
    if truth == "overconfident":
        return logistic(0.6 * scores)
    if truth == "blind":
        return 0.85 * logistic(scores) + 0.15 * prevalence
    return logistic(scores + {"calibrated": 0.0, "too low": 1.0, "too high": -1.0}[truth])


def strata(setting: Setting) -> tuple[Array, Array, Array, Array]:
    """Rows, true rates, anticipated rates and whether they were given the label, of the strata that are not empty."""
    scores = logits(setting.prevalence)
    band = np.searchsorted(EDGES, scores, side="right")
    rows = np.bincount(band, minlength=8)
    sums = [chance(setting.truth, scores, setting.prevalence), np.maximum(logistic(scores), FLOOR)]
    true, anticipated = (np.bincount(band, one, 8) / np.maximum(rows, 1) for one in sums)
    kept = rows > 0
    return rows[kept] * COPIES, true[kept], anticipated[kept], (np.arange(8) > 4)[kept]


def ours(cells: Cells, random: np.random.Generator, draws: int) -> tuple[Array, Array]:
    """The intervals of `moderation audit estimate`."""
    return bounds(*figures(cells, posterior(cells, random, draws)))


def figures(cells: Cells, drawn: Array) -> tuple[Array, Array]:
    """The rates of the sample and of draws."""
    return (rates(cells.rows, cells.given, cells.shares[..., 0]), rates(cells.rows, cells.given, drawn[..., 0]))


def jeffreys(cells: Cells, random: np.random.Generator, draws: int) -> tuple[Array, Array]:
    """Half an observation in every stratum."""
    share = cells.shares[..., None, :, 0]
    n = cells.reviewed
    made = random.beta(share * n + 0.5, (1 - share) * n + 0.5, (len(share), draws, len(n)))
    unseen = np.sqrt(1 - cells.part)
    made = (1 - unseen) * share + unseen * made
    return bounds(*figures(cells, made[..., None]))


def rao_wu(cells: Cells, random: np.random.Generator, draws: int) -> tuple[Array, Array]:
    """The bootstrap over strata, n - 1 rows drawn with replacement from each."""
    share = cells.shares[..., None, :, 0]
    n = np.maximum(cells.reviewed.astype(np.int64) - 1, 1)
    made = random.binomial(n, share, (len(share), draws, len(n))) / n
    unseen = np.sqrt(1 - cells.part)
    made = (1 - unseen) * share + unseen * made
    return bounds(*figures(cells, made[..., None]))


def wilson(cells: Cells, random: np.random.Generator, draws: int) -> tuple[Array, Array]:
    """Wilson's interval with the effective size of the linearised variance."""
    share, t, n, rows = cells.shares[..., 0], cells.given, cells.reviewed, cells.rows
    value = rates(rows, t, share)
    recall, alarms = value[:, 1, None], value[:, 2, None]
    contrast = (t, t - recall, t - alarms, np.ones(len(t)))  # what one row more that is truly so adds
    divisors = ((rows * t).sum(), (rows * share).sum(-1), (rows * (1 - share)).sum(-1), rows.sum())
    spread = rows**2 * (1 - cells.part) * share * (1 - share) / np.maximum(n - 1, 1)
    low, high = np.empty_like(value), np.empty_like(value)
    for k in range(4):
        variance = (spread * contrast[k] ** 2).sum(-1) / divisors[k] ** 2
        p = value[:, k]
        size = np.where(variance > 0, p * (1 - p) / np.maximum(variance, 1e-300), n.sum())
        middle, scale = p + 1.96**2 / 2 / size, 1 + 1.96**2 / size
        half = 1.96 * np.sqrt(p * (1 - p) / size + (1.96 / 2 / size) ** 2)
        low[:, k], high[:, k] = (middle - half) / scale, (middle + half) / scale
    return low, high


METHODS: dict[str, Callable[[Cells, np.random.Generator, int], tuple[Array, Array]]] = {
    "ours": ours,
    "Wilson": wilson,
    "Rao-Wu": rao_wu,
    "Jeffreys each": jeffreys,
}


def coverage(
    setting: Setting, populations: int, draws: int = 1000, method: str = "ours", seed: int = 7
) -> tuple[Array, Array]:
    """The share of intervals that hold the truth, and their mean width, of each measure [4].

    Measures of which the design leaves nothing to guess (every stratum that they rest on is reviewed whole) are NaN.
    """
    random = np.random.default_rng(seed)
    rows, true, anticipated, given = strata(setting)
    columns = [(rows * x)[:, None] for x in (given, anticipated, anticipated * given)]
    sizes = sizes_for_total(Frame(rows, *columns), setting.size)
    held, widths = [], []
    for start in range(0, populations, BATCH):
        truly = random.binomial(rows, true, (min(BATCH, populations - start), len(rows)))
        found = random.hypergeometric(truly, rows - truly, sizes) / sizes
        cells = Cells(rows, sizes, given, np.stack([found, 1 - found], axis=-1))
        low, high = METHODS[method](cells, random, draws)
        truth = rates(rows, given, truly / rows)
        held.append((low <= truth + 1e-12) & (truth <= high + 1e-12))
        widths.append(high - low)
    width = np.nanmean(np.concatenate(widths), axis=0)
    return np.where(width > 1e-12, np.concatenate(held).mean(axis=0), np.nan), width


def settings() -> Iterator[Setting]:
    """All that are studied."""
    for prevalence in PREVALENCES:
        for truth in TRUTHS:
            for size in SIZES:
                yield Setting(prevalence, truth, size)


def report(populations: int, draws: int) -> list[str]:
    """The tables in Markdown: our intervals setting by setting, then each method's coverage in short."""
    lines = [f"{populations:,} populations for each line, {draws:,} draws for each interval.", ""]
    heads = [measure.replace("_", " ") for measure in MEASURES]
    lines += ["| base rate of calibrated scores | truth | reviewed | " + " | ".join(heads) + " | width of recall |"]
    lines += ["|" + "---|" * 8]
    ours_found: list[Array] = []
    for setting in settings():
        held, width = coverage(setting, populations, draws)
        ours_found.append(held)
        cells = ["exact" if np.isnan(x) else f"{x:.1%}" for x in held]
        start = f"| {setting.prevalence:.1%} | {setting.truth} | {setting.size} | "
        lines.append(start + " | ".join(cells) + f" | {width[1]:.3f} |")
        print(lines[-1], flush=True)
    lines += ["", *compared(ours_found, populations, draws)]
    return lines


def compared(ours_found: list[Array], populations: int, draws: int) -> list[str]:
    """The table of methods."""
    lines = [
        "| method | lowest coverage | of recall | median | share of figures in 93% to 97% |",
        "|---|---|---|---|---|",
    ]
    for method in METHODS:
        found = ours_found if method == "ours" else [coverage(one, populations, draws, method)[0] for one in settings()]
        every = np.stack(found)
        figures = every[~np.isnan(every)]
        inside = ((figures >= 0.93) & (figures <= 0.97)).mean()
        lowest, recall = figures.min(), np.nanmin(every[:, 1])
        lines.append(f"| {method} | {lowest:.1%} | {recall:.1%} | {np.median(figures):.1%} | {inside:.0%} |")
        print(lines[-1], flush=True)
    return lines


def main() -> None:
    """Runs the study and prints its tables, or writes them into a page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--populations", type=int, default=1000)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--write", type=Path, help="page whose tables between the two marks are replaced")
    given = parser.parse_args()
    begun = time.monotonic()
    lines = report(given.populations, given.draws)
    print(f"{time.monotonic() - begun:.0f} seconds")
    if given.write:
        text = given.write.read_text(encoding="utf-8")
        made = "\n".join([BEGIN, "", *lines, "", END])
        given.write.write_text(re.sub(f"{BEGIN}.*{END}", lambda _: made, text, flags=re.DOTALL), encoding="utf-8")


if __name__ == "__main__":
    main()
