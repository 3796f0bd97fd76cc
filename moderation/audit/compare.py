"""How a run's scores go with those that another API gave the same rows: rank, thresholds, agreement, with intervals."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moderation.audit.labelled_rows import labelled_rows

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

FEW = 30  # rows below which nothing is said
RANKED = 20_000  # rows up to which rank correlations are resampled
RESAMPLES, WORK = 1000, 100_000_000  # at most so many; rows times resamples
THRESHOLDS = (0.5, 0.7, 0.8, 0.9)


@dataclass(frozen=True)
class Figure:
    """A figure with its 95% interval; None where the rows do not say."""

    value: float | None
    low: float | None = None
    high: float | None = None

    def __str__(self) -> str:
        if self.value is None:
            return "-"
        return f"{self.value:.3f}" + ("" if self.low is None else f" ({self.low:.3f} to {self.high:.3f})")


@dataclass(frozen=True)
class AtThreshold:
    """What follows from one threshold of the baseline.

    `threshold` is ours for the same flag rate and `rate` the rate that it has (ties can make it another than
    `baseline_rate`); `same` and `kappa` compare the two decisions then, `same_now` with the run's own threshold.
    """

    baseline: float
    baseline_rate: float
    threshold: Figure
    rate: float | None
    same: Figure
    kappa: float | None
    same_now: Figure


@dataclass(frozen=True)
class Comparison:
    """One attribute: the rows with both scores, Spearman's and Kendall's (tau-b) correlation, each threshold."""

    attribute: str
    label: str
    rows: int
    spearman: Figure
    kendall: Figure
    intervals: str
    at: list[AtThreshold]
    note: str = ""


def scores_of(output: Path, manifest: dict[str, Any], labels: list[str]) -> "pd.DataFrame":
    """The run's scores: column `id` and one for each label."""
    import pandas as pd

    parts = [
        pd.DataFrame([[row["id"], *(row["scores"].get(name) for name in labels)] for row in rows if row["scores"]])
        for rows in labelled_rows(output, manifest, ["id", "date", "scores"])
    ]
    filled = [part.set_axis(["id", *labels], axis=1) for part in parts if len(part)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=["id", *labels])


def join(ours: "pd.DataFrame", baseline: "pd.DataFrame") -> tuple["pd.DataFrame", dict[str, int]]:
    """The rows that both have, and how many there are of each kind."""
    both = ours.astype({"id": str}).merge(baseline, on="id", how="inner")
    counts = {
        "joined": len(both),
        "baseline_only": len(baseline) - len(both),
        "run_only": len(ours) - len(both),
        "repeated_in_baseline": int(baseline.attrs.get("repeated", 0)),
    }
    return both, counts


def compare(
    both: "pd.DataFrame", label: str, attribute: str, now: float, thresholds: list[float], seed: int = 0
) -> Comparison:
    """One label against one attribute; `now` is the run's own threshold."""
    import numpy as np

    pair = both[[label, attribute]].dropna()
    ours, theirs = pair[label].to_numpy(np.float64), pair[attribute].to_numpy(np.float64)
    if len(pair) < FEW:
        nothing = Figure(None)
        return Comparison(
            attribute, label, len(pair), nothing, nothing, "", [], f"fewer than {FEW} rows with both scores"
        )
    resamples = max(100, min(RESAMPLES, WORK // len(pair)))
    rng = np.random.default_rng(seed)
    spearman, kendall, how = ranks(ours, theirs, rng)
    at = [at_threshold(ours, theirs, one, now, resamples, rng) for one in thresholds]
    note = "one of the two gives every row the same score" if spearman.value is None else ""
    return Comparison(
        attribute, label, len(pair), spearman, kendall, f"{how}; thresholds: {resamples} resamples", at, note
    )


def ranks(ours: "np.ndarray", theirs: "np.ndarray", rng: "np.random.Generator") -> tuple[Figure, Figure, str]:
    """Rank correlations. Intervals by 200 resamples, of many rows by Fisher's z with the errors of Bonett and Wright
    (2000) for Spearman's and Fieller, Hartley and Pearson (1957) for Kendall's."""
    import numpy as np
    from scipy.stats import kendalltau, rankdata, spearmanr

    if np.ptp(ours) == 0 or np.ptp(theirs) == 0:
        return Figure(None), Figure(None), "no rank correlation"
    rho, tau, count = float(spearmanr(ours, theirs).statistic), float(kendalltau(ours, theirs).statistic), len(ours)
    if count > RANKED:
        errors = np.sqrt((1 + rho**2 / 2) / (count - 3)), np.sqrt(0.437 / (count - 4))
        return Figure(rho, *fisher(rho, errors[0])), Figure(tau, *fisher(tau, errors[1])), "ranks: Fisher's z"
    ranked = rankdata(ours), rankdata(theirs)
    drawn = [rng.integers(0, count, count) for _ in range(200)]
    rhos = [spearmanr(ranked[0][rows], ranked[1][rows]).statistic for rows in drawn]
    taus = [kendalltau(ranked[0][rows], ranked[1][rows]).statistic for rows in drawn]
    return interval(rho, np.array(rhos)), interval(tau, np.array(taus)), "ranks: 200 resamples"


def fisher(value: float, error: float) -> tuple[float, float]:
    """The 95% interval of a correlation by Fisher's z."""
    import numpy as np

    z = np.arctanh(np.clip(value, -1 + 1e-12, 1 - 1e-12))
    return float(np.tanh(z - 1.96 * error)), float(np.tanh(z + 1.96 * error))


def interval(value: float, resampled: "np.ndarray") -> Figure:
    """A figure with the 95% percentile interval of its resamples."""
    import numpy as np

    kept = resampled[np.isfinite(resampled)]
    if len(kept) < len(resampled) / 2:
        return Figure(value)
    low, high = np.percentile(kept, [2.5, 97.5])
    return Figure(value, float(low), float(high))


def at_threshold(
    ours: "np.ndarray", theirs: "np.ndarray", given: float, now: float, resamples: int, rng: "np.random.Generator"
) -> AtThreshold:
    """What follows from one threshold of the baseline, resampled rows and all."""
    import numpy as np

    flagged = theirs >= given
    rate, matched = float(flagged.mean()), matching(ours, flagged)
    now_same = (ours >= now) == flagged
    drawn = [once(ours, flagged, now_same, rng.integers(0, len(ours), len(ours))) for _ in range(resamples)]
    thresholds, same, same_now = (np.array(one, dtype=float) for one in zip(*drawn, strict=True))
    told_now = interval(float(now_same.mean()), same_now)
    if matched is None:
        return AtThreshold(given, rate, Figure(None), None, Figure(None), None, told_now)
    mine = ours >= matched
    told = interval(float((mine == flagged).mean()), same)
    return AtThreshold(
        given, rate, interval(matched, thresholds), float(mine.mean()), told, kappa(mine, flagged), told_now
    )


def once(
    ours: "np.ndarray", flagged: "np.ndarray", now_same: "np.ndarray", rows: "np.ndarray"
) -> tuple[float, float, float]:
    """Threshold and agreements of one resample; NaN where it has none."""
    matched = matching(ours[rows], flagged[rows])
    same = float("nan") if matched is None else float(((ours[rows] >= matched) == flagged[rows]).mean())
    return float("nan") if matched is None else matched, same, float(now_same[rows].mean())


def matching(ours: "np.ndarray", flagged: "np.ndarray") -> float | None:
    """Our threshold from which as many rows are flagged, half way between the last of them and the next; None where
    the baseline flags none."""
    import numpy as np

    if not (count := int(flagged.sum())):
        return None
    last = len(ours) - count
    parted = np.partition(ours, [max(last - 1, 0), last])
    return float((parted[max(last - 1, 0)] + parted[last]) / 2)


def kappa(mine: "np.ndarray", theirs: "np.ndarray") -> float | None:
    """Cohen's kappa of two decisions; None where both always say the same."""
    from statsmodels.stats.inter_rater import cohens_kappa

    counts = [[int(((mine == a) & (theirs == b)).sum()) for b in (True, False)] for a in (True, False)]
    if sum(counts[0]) + counts[1][0] == 0 or sum(counts[1]) + counts[0][1] == 0:
        return None
    return float(cohens_kappa(counts, return_results=False))


def as_lines(found: list[Comparison], counts: dict[str, int]) -> list[str]:
    """The comparison for people."""
    lines = [
        f"{counts['joined']:,} rows joined; {counts['baseline_only']:,} of the baseline are not in the run, "
        f"{counts['run_only']:,} of the run are not in the baseline"
    ]
    if counts["repeated_in_baseline"]:
        lines.append(f"{counts['repeated_in_baseline']:,} rows of the baseline repeat an id: the last one counts")
    for one in found:
        lines += ["", f"{one.attribute} and our {one.label}: {one.rows:,} rows with both"]
        if one.note:
            lines.append(f"  {one.note}")
        if one.at:
            lines.append(f"  Spearman {one.spearman}, Kendall {one.kendall}")
            lines += [line for at in one.at for line in lines_at(at)]
            lines.append(f"  95% intervals: {one.intervals}")
    return lines


def lines_at(at: AtThreshold) -> list[str]:
    """One threshold for people."""
    head = f"  baseline {at.baseline:g}: flags {at.baseline_rate:.2%}"
    now = f"     with the run's own threshold: same decision {at.same_now}"
    if at.rate is None:
        return [f"{head}; no threshold of ours flags nothing", now]
    agreed = "-" if at.kappa is None else f"{at.kappa:.2f}"
    mine = f"; our threshold {at.threshold} flags {at.rate:.2%}"
    return [head + mine, f"     then: same decision {at.same}, kappa {agreed}", now]
