"""The gate on shares: what it refuses, how it says so, and how a shift is let through."""

from collections.abc import Callable
from typing import Any

import pytest
from labelled_rows import Row, good_rows, scored
from manifests import Manifest, manifest
from pyspark.sql import DataFrame

from moderation.config import GateSettings
from moderation.quality.gate import History, Outcome
from moderation.quality.shift import Acceptance, acceptance

Frame = Callable[[list[Row]], DataFrame]
Judge = Callable[..., Outcome]
BEFORE = [manifest(number) for number in range(3)]


def history(now: Manifest, **settings: Any) -> History:
    return History(now, BEFORE, GateSettings(**settings))


@pytest.fixture(scope="module")
def shifted(frame: Frame, judge: Judge) -> Outcome:
    """A run with three times the labels, half of its rows failed, and a good frame."""
    now = manifest(9, factor=3.0)
    now["counts"] |= {"failed": 10_000}
    return judge(frame(good_rows()), 7, history=history(now))


def test_a_share_that_leaves_its_band_is_refused_with_its_value_and_its_limits(shifted: Outcome) -> None:
    assert not shifted.success
    (said,) = [reason for reason in shifted.failures if "label toxic" in reason]
    assert said.startswith("The share of label toxic lies between 1.")
    assert "as 3 earlier runs lead to expect (2.00% on average)" in said
    assert said.endswith(": it is 6.00% (600 of 10,000 rows)")
    assert '--accept-shift "why"' in shifted.refusal


def test_a_share_above_its_limit_is_refused_with_what_to_do(shifted: Outcome) -> None:
    (said,) = [reason for reason in shifted.failures if "gate.max_failed" in reason and "keeps" in reason]
    assert "it is 48.00% (10,000 of 20,833 rows), above 1.2" in said
    assert said.endswith("run again, or raise gate.max_failed")


def test_every_share_is_kept_with_what_it_was_held_against(shifted: Outcome) -> None:
    kept = shifted.statistics["shares"]
    assert kept["label toxic"] == kept["label toxic"] | {"count": 600, "rows": 10_000, "runs": 3, "limit": None}
    assert kept["label toxic"]["low"] < 0.02 < kept["label toxic"]["high"] < kept["label toxic"]["share"]
    assert kept["failed"]["limit"] == pytest.approx(0.012, abs=0.001)


def test_the_page_of_the_run_shows_the_shares(shifted: Outcome) -> None:
    page = shifted.docs.read_text(encoding="utf-8")
    assert "label toxic" in page
    assert "600 of 10,000" in page


def test_an_accepted_shift_passes_and_says_who_and_why(frame: Frame, judge: Judge) -> None:
    accepted = Acceptance("ann", "election <day>")
    outcome = judge(frame(good_rows()), 7, history=history(manifest(9, factor=3.0)), accepted=accepted)
    assert (outcome.success, outcome.failures, outcome.accepted) == (True, (), accepted)
    assert any("label toxic" in sentence for sentence in outcome.shift)
    assert "accepted by ann: election &lt;day&gt;" in outcome.docs.read_text(encoding="utf-8")


def test_nothing_but_a_shift_can_be_accepted(frame: Frame, judge: Judge) -> None:
    now = manifest(9, factor=3.0)
    now["counts"] |= {"quarantined": 5000}
    rows = [scored(id="x", flagged=None), *good_rows()]
    outcome = judge(frame(rows), 8, history=history(now), accepted=Acceptance("ann", "election day"))
    assert not outcome.success
    assert [reason for reason in outcome.failures if "label toxic" in reason] == []
    assert sum("gate.max_quarantined" in reason for reason in outcome.failures) == 1
    assert sum("(decision_incomplete)" in reason for reason in outcome.failures) == 1


def test_an_acceptance_that_was_not_needed_is_not_kept(frame: Frame, judge: Judge) -> None:
    outcome = judge(frame(good_rows()), 7, history=history(manifest(9)), accepted=Acceptance("ann", "just in case"))
    assert (outcome.success, outcome.accepted, outcome.shift, outcome.notes) == (True, None, (), ())


def test_whoever_accepts_is_named_by_the_account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "ann")
    assert acceptance("election day") == Acceptance("ann", "election day")
    assert acceptance(None) is None
