"""Estimates: right where the truth is known, and silent where too little is."""

import numpy as np
import pandas as pd
import pytest

from moderation.audit.curves import compared, curve
from moderation.audit.estimate import estimate, more_for
from moderation.audit.sample import read_sample
from moderation.errors import UsageError
from tests.audit.samples import LABEL, world


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory):
    """One world for the tests that only read it."""
    return world(tmp_path_factory.mktemp("world"))


def truth(frame: pd.DataFrame) -> dict[str, float]:
    """The four rates of all rows."""
    given, so = frame.labels.map(len) > 0, frame.truth
    return {
        "precision": so[given].mean(),
        "recall": given[so].mean(),
        "false_positive_rate": given[~so].mean(),
        "prevalence": so.mean(),
    }


def test_every_rate_of_the_run_and_of_slices_is_near_and_within_its_interval(made) -> None:
    found = estimate(made.folder, made.verdicts(), ("subreddit",))
    parts = {None: made.frame} | {f"subreddit={x}": made.frame[made.frame.subreddit == x] for x in "ab"}
    assert len(found) == 12
    for one in found:
        true = truth(parts[one.slice])[one.measure]
        assert one.low <= true <= one.high, one
        assert one.low <= one.value <= one.high and one.high - one.low < 0.6
    assert next(one.n for one in found if one.slice is None) == 150


def test_unweighted_shares_would_be_far_off(made) -> None:
    (prevalence,) = [x for x in estimate(made.folder, made.verdicts()) if x.measure == "prevalence"]
    assert made.rows.truth.mean() > 2 * prevalence.high


def test_no_verdicts_at_all_is_no_number(made) -> None:
    found = estimate(made.folder, made.verdicts().head(0))
    assert len(found) == 4
    assert all(one.value is None and one.note.startswith("not enough verdicts") for one in found)


def test_a_large_stratum_without_verdicts_is_named_and_takes_away_what_rests_on_it(made) -> None:
    found = {one.measure: one for one in estimate(made.folder, made.verdicts(**{"below_-6": ""}))}
    assert found["precision"].known
    for measure in ("recall", "false_positive_rate", "prevalence"):
        assert not found[measure].known
        assert found[measure].note == "not enough verdicts: none in stratum 'insult below -6 none' (20,000 rows)"


def test_unsure_counts_as_no_verdict_and_is_said(made) -> None:
    words = made.verdicts()
    words.loc[words.index[::5], "verdict"] = "unsure"
    found = estimate(made.folder, words)
    assert found[0].known and found[0].n < 150
    assert f"{len(words.index[::5])} sampled texts without a yes or no" in found[0].note
    every = made.verdicts().assign(verdict="unsure")
    assert not any(one.known for one in estimate(made.folder, every))


def test_half_a_review_widens_the_intervals(made) -> None:
    words = made.verdicts()
    whole, half = estimate(made.folder, words), estimate(made.folder, words.sample(frac=0.5, random_state=1))
    for one, other in zip(whole, half, strict=True):
        assert other.high - other.low > one.high - one.low


def test_a_row_that_stands_for_others_counts_for_them(tmp_path) -> None:
    one = world(tmp_path)
    rows = read_sample(one.folder)
    flagged = rows[rows.stratum.str.contains("0..+1", regex=False)].index
    from pyarrow import Table

    from moderation.audit.sample import write

    rows["duplicates"] = np.where(rows.index == flagged[0], 51, 1).astype(np.int32)
    fewer = rows.drop(index=flagged[1:51])  # fifty of them were like the first
    write(one.folder, one.folder.read_design(), Table.from_pandas(fewer, preserve_index=False))
    words = one.verdicts()
    kept = words[words.row_id.isin(set(fewer.id))]
    precision = estimate(one.folder, kept)[0]
    truly = words.set_index("row_id").verdict.eq("yes")
    expected = (51 * truly[rows.id[flagged[0]]] + truly[rows.id[flagged[51:]]].sum()) / 150
    assert precision.n == 150 and precision.value == pytest.approx(expected)


def test_verdicts_on_rows_that_were_never_drawn_or_labels_that_are_not_are_refused(made) -> None:
    words = made.verdicts().head(1)
    with pytest.raises(UsageError, match=r"row 0-19999 of .*: sample 0123456789ab never drew it"):
        estimate(made.folder, words.assign(row_id="0-19999"))
    with pytest.raises(UsageError, match="no label 'rude' in the run; it has insult"):
        estimate(made.folder, words.assign(label="rude"))
    with pytest.raises(UsageError, match="slice 'planet': no such column"):
        estimate(made.folder, words, ("planet",))


def test_how_many_more_falls_with_the_margin_and_is_none_once_it_is_met(made) -> None:
    design = made.folder.read_design()
    precision = estimate(made.folder, made.verdicts())[0]
    small, large = (more_for(precision, margin, design, 750) for margin in (0.02, 0.05))
    assert small > large > 0
    assert more_for(precision, 0.3, design, 750) == 0
    assert small <= design.rows


def test_curves_fall_and_rise_with_the_threshold_and_meet_the_estimate_at_the_runs_own(made) -> None:
    design, rows = made.folder.read_design(), read_sample(made.folder)
    points = curve(design, rows, made.verdicts(), LABEL)
    recalls = [one.recall[0] for one in points]
    assert recalls == sorted(recalls, reverse=True)
    own = next(one for one in points if one.threshold == 0.5)
    found = {one.measure: one for one in estimate(made.folder, made.verdicts())}
    assert own.recall[0] == pytest.approx(found["recall"].value, abs=1e-6)
    assert own.precision[0] == pytest.approx(found["precision"].value, abs=1e-6)
    for one in points:
        assert one.recall[1] <= one.recall[0] <= one.recall[2]


def test_a_run_compared_with_itself_differs_by_nothing_and_one_that_flags_more_finds_more(made) -> None:
    design, rows = made.folder.read_design(), read_sample(made.folder)
    same = np.array([LABEL in labels for labels in rows.labels])
    for one in compared(design, rows, made.verdicts(), LABEL, same, "other"):
        assert one.value == 0 and one.low == pytest.approx(0, abs=1e-9) and one.high == pytest.approx(0, abs=1e-9)
    wider = same | rows.stratum.str.contains("-1..0", regex=False).to_numpy()
    precision, recall, alarms = compared(design, rows, made.verdicts(), LABEL, wider, "other")
    assert precision.high < 0 and recall.low > 0 and alarms.low > 0
    assert precision.note == "100 reviewed rows were decided differently"
