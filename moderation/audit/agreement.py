"""How far reviewers agree: Cohen's kappa for each pair, Fleiss' where three or more judged the same rows."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from moderation.audit.design import SampleFolder
from moderation.audit.extra import need_extra
from moderation.audit.verdicts import ROW, last_words, verdicts

if TYPE_CHECKING:
    import pandas as pd

FEW = 30  # rows below which a kappa says little
EVERYBODY = "all reviewers"


@dataclass(frozen=True)
class Agreement:
    """The agreement of some reviewers on one label, over the rows on which all of them said yes or no.

    `same` is the share of rows with one word, `kappa` the agreement beyond chance with its 95% interval (Cohen's only,
    and from 30 rows on); None where it is not defined. `unsure` rows are left out.
    """

    label: str
    reviewers: str
    method: str
    rows: int
    unsure: int
    same: float | None
    kappa: float | None
    low: float | None
    high: float | None
    note: str


def agreement(folder: SampleFolder) -> list[Agreement]:
    """The agreement of every pair of reviewers, and of all of three or more, on each label that two judged."""
    need_extra("statsmodels")
    words = last_words(verdicts(folder))
    found: list[Agreement] = []
    for label, of_label in words.groupby("label"):
        table = of_label.pivot(index=ROW, columns="reviewer", values="verdict")
        found += cohen(str(label), table)
        found += fleiss(str(label), table)
    return found


def cohen(label: str, table: "pd.DataFrame") -> Iterator[Agreement]:
    """Cohen's kappa of every pair; `table` has a row for each row and a column of words for each reviewer."""
    import numpy as np
    from statsmodels.stats.inter_rater import cohens_kappa

    for pair in combinations(sorted(table.columns), 2):
        both, said, unsure = sure(table[list(pair)].dropna())
        if both.empty and not unsure:
            continue
        counts = [
            [int(((both[pair[0]] == a) & (both[pair[1]] == b)).sum()) for b in ("yes", "no")] for a in ("yes", "no")
        ]
        kappa = low = high = None
        if said == 2:
            with np.errstate(invalid="ignore"):  # it also tests against chance, which needs an error above 0
                result = cohens_kappa(counts)
            kappa = float(result.kappa)
            if len(both) >= FEW and result.std_kappa > 0:  # else the interval would look surer than it is
                low, high = max(-1.0, float(result.kappa_low)), min(1.0, float(result.kappa_upp))
        same = (counts[0][0] + counts[1][1]) / len(both) if len(both) else None
        note = remark(len(both), said)
        yield Agreement(label, " and ".join(pair), "Cohen", len(both), unsure, same, kappa, low, high, note)


def fleiss(label: str, table: "pd.DataFrame") -> Iterator[Agreement]:
    """Fleiss' kappa over the rows that the same number of reviewers, three or more, judged: the largest such group."""
    from statsmodels.stats.inter_rater import fleiss_kappa

    votes = table.notna().sum(axis=1)
    if (votes < 3).all():
        return
    count = int(votes[votes >= 3].mode().max())
    some, said, unsure = sure(table[votes == count], blanks=True)
    counts = [[int((row == word).sum()) for word in ("yes", "no")] for _, row in some.iterrows()]
    same = sum(0 in row for row in counts) / len(counts) if counts else None
    kappa = float(fleiss_kappa(counts)) if said == 2 else None
    note = remark(len(counts), said)
    yield Agreement(label, f"{EVERYBODY} ({count} a row)", "Fleiss", len(counts), unsure, same, kappa, None, None, note)


def sure(table: "pd.DataFrame", blanks: bool = False) -> tuple["pd.DataFrame", int, int]:
    """The rows without an unsure, how many different words are in them, how many rows were left out."""
    kept = table[(table != "unsure").all(axis=1)]
    words = set(kept.to_numpy().ravel().tolist()) & {"yes", "no"}
    return kept, len(words), len(table) - len(kept)


def remark(rows: int, said: int) -> str:
    """What a reader of the figure must know."""
    if not rows:
        return "no row on which both were sure"
    if said < 2:
        return "kappa is not defined: one word only was said"
    return f"few rows ({rows}): says little" if rows < FEW else ""


def as_lines(found: list[Agreement]) -> Iterator[str]:
    """The agreement as a table for people."""
    if not found:
        yield "no row was judged by two reviewers yet"
        return
    yield f"{'label':<18} {'kappa':>6}  {'95% interval':<14} {'same':>5} {'rows':>5} {'unsure':>6}  reviewers"
    for one in found:
        kappa = "-" if one.kappa is None else f"{one.kappa:.2f}"
        interval = "-" if one.low is None else f"{one.low:.2f} to {one.high:.2f}"
        same = "-" if one.same is None else f"{one.same:.0%}"
        note = f"; {one.note}" if one.note else ""
        yield (
            f"{one.label:<18} {kappa:>6}  {interval:<14} {same:>5} {one.rows:>5} {one.unsure:>6}  "
            f"{one.reviewers} ({one.method}{note})"
        )
