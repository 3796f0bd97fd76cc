"""How right a run was, as far as people have looked: precision and recall with intervals, and what scores are worth."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from moderation.audit.charts import Share, reliability, side_by_side
from moderation.audit.design import SampleFolder
from moderation.audit.document import note, percent, table
from moderation.audit.estimates import MEASURES, Estimate
from moderation.audit.shares import unknown, wilson

if TYPE_CHECKING:
    import pandas as pd

BINS = 8  # of a reliability diagram, each with about as many reviewed rows
FEWEST = 40  # reviewed rows of a label, below which no diagram is drawn
WORDS = {
    "precision": "of the rows that got the label, how many deserved it",
    "recall": "of the rows that deserve the label, how many got it",
    "false_positive_rate": "of the rows that do not deserve it, how many got it",
    "prevalence": "of all rows, how many deserve it",
}


def nothing_known(output: str, run_id: str, sample_id: str | None) -> str:
    """That nobody has looked, and what to do: never a number that looks sure and is not."""
    if sample_id is None:
        return unknown(
            "<strong>Nothing is known about precision or recall of this run.</strong> Nobody has looked at a sample of "
            "its rows, flagged and not flagged. What the model missed cannot be told from what it flagged. Draw a "
            "sample, have people judge it, and make this report again:",
            f"moderation audit sample --output {output} --run {run_id}",
        )
    return unknown(
        f"<strong>Nothing is known about precision or recall of this run.</strong> Sample "
        f"<code>{escape(sample_id)}</code> was drawn, and there are no verdicts on it yet. Import them, and make this "
        "report again:",
        f"moderation audit verdicts import FILE --output {output} --sample {sample_id}",
    )


def of_sample(folder: SampleFolder, labels: Sequence[str]) -> str:
    """Precision, recall and what scores are worth, from the verdicts on a sample; '' where there are none."""
    from moderation.audit.estimate import estimate
    from moderation.audit.sample import read_sample
    from moderation.audit.verdicts import settled

    words, sample = settled(folder), read_sample(folder)
    if words.empty:
        return ""
    reviewed = len(words[["row_id", "date"]].drop_duplicates())
    told = estimates_html(estimate(folder, words), reviewed, len(sample), labels)
    return told + reliability_html(judged_rows(sample, words), labels)


def estimates_html(estimates: Sequence[Estimate], reviewed: int, sampled: int, labels: Sequence[str]) -> str:
    """Precision and recall of every label as pictures and all figures as a table; slices in a table of their own."""
    judged = {one.label for one in estimates if one.n}
    known = [one for one in estimates if one.label in judged]
    whole = [one for one in known if one.slice is None]
    panels = []
    for measure in ("precision", "recall"):
        found = {one.label: one for one in whole if one.measure == measure}
        shares = [share_of(found[label]) for label in labels if label in found]
        panels.append(side_by_side(f"{measure} by label", shares))
    meaning = "; ".join(f"<em>{name.replace('_', ' ')}</em>: {words}" for name, words in WORDS.items())
    parts = [f"<p>{reviewed:,} of {sampled:,} sampled rows were judged by people. {meaning}.</p>"]
    parts += lacking(whole, [label for label in labels if label not in judged])
    parts.append(f'<div class="panels">{"".join(panels)}</div>')
    parts.append(estimate_table("Estimates for the whole run", whole, labels))
    if slices := [one for one in known if one.slice is not None]:
        parts.append(estimate_table("Estimates by slice", slices, labels))
    return "\n".join(parts)


def lacking(whole: Sequence[Estimate], unjudged: Sequence[str]) -> list[str]:
    """What verdicts do not tell: labels that nobody judged, and those whose recall too few verdicts leave open."""
    open_ = sorted({one.label for one in whole if one.measure == "recall" and not one.known})
    said = [f"Nobody has judged {escape(', '.join(unjudged))}: nothing is known of them."] if unjudged else []
    said += [f"Not enough verdicts to tell the recall of {escape(', '.join(open_))}."] if open_ else []
    return [note("".join(f"<p>{one}</p>" for one in said), True)] if said else []


def share_of(one: Estimate) -> Share:
    """An estimate as a dot with its whisker."""
    return Share(one.label, one.value, one.low, one.high, f"{one.n:,} reviewed")


def estimate_table(title: str, estimates: Sequence[Estimate], labels: Sequence[str]) -> str:
    """A line for each label, and slice, and measure."""
    order = {name: place for place, name in enumerate(MEASURES)}
    rows = []
    for one in sorted(estimates, key=lambda one: (one.slice or "", labels.index(one.label), order[one.measure])):
        value = percent(one.value) if one.value is not None else "unknown"
        known = one.low is not None and one.high is not None
        interval = f"{percent(one.low or 0)} to {percent(one.high or 0)}" if known else ""
        cells = (value, interval, f"{one.n:,}", escape(one.note))
        rows.append((escape(one.slice or "whole run"), escape(one.label), one.measure.replace("_", " "), *cells))
    heads = ("slice", "label", "measure", "estimate", "95% interval", "reviewed", "note")
    return table(title, heads, rows, (3, 4, 5))


def reliability_html(judged: "pd.DataFrame", labels: Sequence[str]) -> str:
    """A diagram for every label with enough verdicts; `judged` has label, score, weight and verdict (yes or no)."""
    panels, few = [], []
    for label in labels:
        mine = judged[judged.label == label]
        if len(mine) < FEWEST:
            few.append(label)
            continue
        points = bins(mine)
        said = f"{len(mine):,} reviewed rows, weighted as they were drawn"
        panels.append(reliability(label, said, points))
    lacking = f"<p class='quiet'>Fewer than {FEWEST} verdicts: {escape(', '.join(few))}.</p>" if few else ""
    told = (
        "<h3>What a score is worth</h3><p>Reviewed rows by score: how many of them deserve the label. Dots on the "
        "dashed line mean that a score of 0.7 is right in 70 of 100 cases.</p>"
    )
    return told + f'<div class="panels">{"".join(panels)}</div>{lacking}'


def bins(judged: "pd.DataFrame") -> list[tuple[float, Share]]:
    """Mean score and weighted share of yes in bins of about as many rows; Wilson's interval at Kish's effective n."""
    ordered = judged.sort_values("score", kind="stable")
    found = []
    for part in np.array_split(np.arange(len(ordered)), BINS):
        rows = ordered.iloc[part]
        weight, yes = rows.weight.to_numpy(float), (rows.verdict == "yes").to_numpy(float)
        value = float((weight * yes).sum() / weight.sum())
        effective = float(weight.sum() ** 2 / (weight**2).sum())
        score = float((weight * rows.score.to_numpy(float)).sum() / weight.sum())
        low, high = wilson(value * effective, effective)
        found.append((score, Share("", value, low, high, f"{len(rows):,}")))
    return found


def judged_rows(sample: "pd.DataFrame", settled: "pd.DataFrame") -> "pd.DataFrame":
    """Settled yes and no with the score and the weight of their row: columns label, score, weight, verdict."""
    import pandas as pd

    words = settled[settled.verdict.isin(["yes", "no"])].astype({"row_id": str, "date": str})
    rows = sample[["id", "date", "weight", "scores"]].astype({"id": str, "date": str})
    both = words.merge(rows, left_on=["row_id", "date"], right_on=["id", "date"])
    scores: list[float | None] = [
        (found or {}).get(label) if isinstance(found, Mapping) else None
        for found, label in zip(both.scores, both.label, strict=True)
    ]
    return both.assign(score=pd.Series(scores, dtype=float)).dropna(subset=["score"])[
        ["label", "score", "weight", "verdict"]
    ]
