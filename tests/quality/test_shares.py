"""Which runs a run is compared with, and what becomes of its shares."""

from typing import Any

import pytest
from manifests import Manifest, manifest

from moderation.config import GateSettings
from moderation.quality.shares import earlier, measure, notes, shares

SETTINGS = GateSettings()


def outside(now: Manifest, before: list[Manifest], **settings: Any) -> set[str]:
    """The shares that leave their bands."""
    measured = measure(now, before, GateSettings(**settings))
    return {
        name
        for name, one in measured.items()
        if one.band and one.share.value is not None and not one.band.low <= one.share.value <= one.band.high
    }


def test_shares_are_of_the_rows_that_they_can_occur_in() -> None:
    found = shares(manifest(1, rows=1200))
    assert (found["quarantined"].rows, found["skipped"].rows) == (1200 + 100 + 6, 1300)
    assert found["label toxic"].rows == found["entity PER"].rows == 1200


def test_a_run_that_ended_before_its_rows_were_counted_has_no_shares() -> None:
    assert shares({"counts": {"rows_in": 5}}) == shares({}) == {}


def test_a_doubled_share_is_outside_and_an_equal_one_is_not() -> None:
    before = [manifest(number) for number in range(3)]
    assert outside(manifest(9), before) == set()
    assert outside(manifest(9, factor=2.0), before) >= {"label toxic", "flagged"}
    assert outside(manifest(9, factor=0.0), before) >= {"label toxic", "label threat", "flagged"}


def test_the_first_runs_build_the_baseline_and_the_notes_say_how_far_it_is() -> None:
    before = [manifest(number) for number in range(2)]
    measured = measure(manifest(9, factor=5.0), before, SETTINGS)
    assert all(one.band is None for one in measured.values())
    (note,) = notes(measured, SETTINGS)
    assert note.startswith("baseline: 2 of 3 runs for quarantined, skipped, ")
    assert notes(measure(manifest(9), [*before, manifest(3)], SETTINGS), SETTINGS) == ()


@pytest.mark.parametrize(
    ("change", "compared_no_more"),
    [
        ({"model": {"model_id": "other"}}, {"label toxic", "label threat", "entity PER", "flagged"}),
        ({"policy": {"policy_id": "q", "thresholds": {"toxic": 0.9}}}, {"label toxic", "flagged"}),
        ({"policy": {"policy_id": "q", "thresholds": {"toxic": 0.5}}}, {"flagged"}),
        ({}, set()),
    ],
    ids=["another model", "another threshold", "other rules", "nothing"],
)
def test_what_depends_on_a_changed_model_or_policy_starts_a_new_baseline(
    change: Manifest, compared_no_more: set[str]
) -> None:
    measured = measure(manifest(9) | change, [manifest(number) for number in range(5)], SETTINGS)
    assert {name for name, one in measured.items() if one.band is None} == compared_no_more
    said = " ".join(notes(measured, SETTINGS))
    assert ("baseline: 0 of 3 runs" in said) == bool(compared_no_more)
    assert all(name in said for name in compared_no_more)


def test_only_published_runs_over_other_comments_count_and_the_newest_first() -> None:
    again = manifest(7, inputs=manifest(1)["inputs"])  # the same comments once more
    refused = [manifest(8, status=status) for status in ("refused", "failed", "running", "rolled_back")]
    found = earlier([manifest(1), manifest(2), again, *refused, manifest(9)], manifest(9))
    assert [one["run_id"] for one in found] == [again["run_id"], manifest(2)["run_id"]]


def test_a_day_of_the_same_files_is_another_set_of_comments() -> None:
    days = [manifest(n, config={"date": f"2026-01-0{n}"}, inputs=manifest(1)["inputs"]) for n in (1, 2, 3)]
    assert len(earlier(days, manifest(9))) == 3


def test_the_history_is_as_long_as_the_config_says() -> None:
    old, new = [manifest(number) for number in range(3)], [manifest(number, factor=2.0) for number in range(3, 6)]
    assert "label toxic" not in outside(manifest(9, factor=2.0), old + new, history=3)
    assert "label toxic" in outside(manifest(9, factor=1.0), old + new, history=3)


def test_manifests_of_older_versions_are_compared_as_far_as_they_go() -> None:
    old = [manifest(number) for number in range(3)]
    for one in old:
        del one["counts"]["entity_rows"], one["config"]
    measured = measure(manifest(9), old, SETTINGS)
    assert measured["entity PER"].band is None
    assert measured["label toxic"].band is not None


def test_an_output_without_rows_is_judged_without_bands() -> None:
    empty = manifest(9, rows=0)
    assert outside(empty, [manifest(number) for number in range(3)]) == set()
    assert outside(manifest(9), [manifest(number, rows=0) for number in range(3)]) == set()
