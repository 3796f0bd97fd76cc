"""Going back to the state right after a run, and forth again, until it is cleaned."""

import json
import os

import pytest

from moderation.errors import UsageError
from moderation.runs.clean import clean
from moderation.runs.history import head
from moderation.runs.manifest import read_manifests
from moderation.runs.rollback import rollback
from moderation.runs.run import take_lock
from tests.runs.publications import MONDAY, TUESDAY, WEDNESDAY, publication, stage, state

FORMATS = pytest.mark.parametrize("kind", ["parquet", "delta"])


def statuses(output) -> list[str]:
    return [manifest["status"] for manifest in sorted(read_manifests(output), key=lambda one: one["started"])]


@pytest.fixture
def story(tmp_path):
    """Three publications; the third touches dates of both others. Returns runs, and the state after each."""

    def tell(kind):
        runs, states = [], []
        for rows in (
            {"aa": {MONDAY: 3, TUESDAY: 2}},
            {"bb": {MONDAY: 4}},
            {"aa": {MONDAY: 5, WEDNESDAY: 1}, "bb": {TUESDAY: 1}},
        ):
            runs.append(publication(tmp_path, rows, kind).run_id)
            states.append(state(tmp_path))
        return runs, states

    return tell


@FORMATS
def test_every_earlier_state_can_be_had_again_and_every_later_one(tmp_path, story, kind) -> None:
    runs, states = story(kind)
    for number in (1, 0, 2, 0, 1, 2):
        rollback(tmp_path, runs[number])
        assert state(tmp_path) == states[number]
        assert head(tmp_path) == runs[number]
        published = {one["run_id"] for one in read_manifests(tmp_path) if one["status"] == "published"}
        assert published == set(runs[: number + 1])


@FORMATS
def test_runs_after_a_rollback_go_on_from_there(tmp_path, story, kind) -> None:
    runs, states = story(kind)
    changed = rollback(tmp_path, runs[0])
    assert changed == dict.fromkeys(runs[1:], "rolled_back")
    fourth = publication(tmp_path, {"cc": {TUESDAY: 7}}, kind)
    assert fourth.parent == runs[0]
    assert state(tmp_path) == states[0] | {(TUESDAY, "cc"): {fourth.run_id: 7}}
    rollback(tmp_path, runs[2])
    assert state(tmp_path) == states[2]
    assert head(tmp_path) == runs[2]


@FORMATS
def test_a_tree_that_a_run_did_not_have_yet_is_empty_after_a_rollback_to_it(tmp_path, kind) -> None:
    first = publication(tmp_path, {"aa": {MONDAY: 3}}, kind)
    publication(tmp_path, {"bb": {MONDAY: 2}}, kind, tree="quarantine")
    rollback(tmp_path, first.run_id)
    assert state(tmp_path, "quarantine") == {}
    assert state(tmp_path) == {(MONDAY, "aa"): {first.run_id: 3}}


@FORMATS
def test_a_rollback_to_the_present_state_does_nothing(tmp_path, story, kind) -> None:
    runs, states = story(kind)
    assert rollback(tmp_path, runs[2]) == {}
    assert state(tmp_path) == states[2]


@FORMATS
def test_what_was_cleaned_is_refused_in_one_line_and_nothing_changes(tmp_path, story, kind) -> None:
    runs, states = story(kind)
    clean(tmp_path, keep=1)
    with pytest.raises(UsageError, match=r"its files were removed \('runs clean'\)") as error:
        rollback(tmp_path, runs[0])
    assert "\n" not in str(error.value)
    assert state(tmp_path) == states[2]
    assert set(statuses(tmp_path)) == {"published"}


def test_a_file_of_another_size_is_not_taken_for_the_one_that_was_kept(tmp_path, story) -> None:
    runs, _ = story("parquet")
    for file in (tmp_path / ".versions").rglob("aa-*.parquet"):
        os.truncate(file, 10)
    with pytest.raises(UsageError, match="its files were removed"):
        rollback(tmp_path, runs[0])


def test_a_run_that_published_nothing_is_refused(tmp_path) -> None:
    run = publication(tmp_path, {"aa": {MONDAY: 3}})
    path = tmp_path / "runs" / run.run_id / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"status": "refused"}))
    with pytest.raises(UsageError, match=f"run {run.run_id}: is refused, it published nothing to go back to"):
        rollback(tmp_path, run.run_id)


def test_a_history_with_a_gap_is_refused(tmp_path, story) -> None:
    runs, states = story("parquet")
    (tmp_path / "runs" / runs[0] / "manifest.json").unlink()
    with pytest.raises(UsageError, match=f"run {runs[0]}: its manifest is gone"):
        rollback(tmp_path, runs[1])
    assert state(tmp_path) == states[2]


def test_a_rollback_waits_for_no_run_that_holds_the_output(tmp_path, story) -> None:
    runs, _ = story("parquet")
    with take_lock(tmp_path), pytest.raises(UsageError, match="another run is writing there"):
        rollback(tmp_path, runs[0])


def test_files_of_nobody_stay_where_they_are(tmp_path) -> None:
    first = publication(tmp_path, {"aa": {MONDAY: 3}})
    (tmp_path / f"labelled/date={MONDAY}/notes.txt").write_text("mine")
    publication(tmp_path, {"aa": {MONDAY: 1}})
    assert (tmp_path / f"labelled/date={MONDAY}/notes.txt").read_text() == "mine"
    rollback(tmp_path, first.run_id)
    assert (tmp_path / f"labelled/date={MONDAY}/notes.txt").read_text() == "mine"


def test_manifests_that_name_each_other_are_refused(tmp_path) -> None:
    first, second = publication(tmp_path, {"aa": {MONDAY: 3}}), publication(tmp_path, {"aa": {MONDAY: 1}})
    path = tmp_path / "runs" / first.run_id / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"parent": second.run_id}))
    with pytest.raises(UsageError, match="manifest is gone or damaged"):
        rollback(tmp_path, first.run_id)


def test_staged_rows_play_no_part_in_a_rollback(tmp_path, story) -> None:
    runs, states = story("parquet")
    stage(tmp_path / ".staging/refused/labelled", {"aa": {MONDAY: 9}}, "refused")
    rollback(tmp_path, runs[1])
    assert state(tmp_path) == states[1]
