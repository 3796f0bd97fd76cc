"""An audit finds a run's own files wherever they are now."""

import pytest

from moderation.audit.published import find_run, labelled_files
from moderation.errors import UsageError
from moderation.runs.clean import clean
from tests.runs.publications import MONDAY, TUESDAY, publication


@pytest.mark.parametrize("kind", ["parquet", "delta"])
def test_a_replaced_runs_files_are_found_until_they_are_cleaned(tmp_path, kind) -> None:
    first = publication(tmp_path, {"a" * 16: {MONDAY: 3, TUESDAY: 2}}, kind)
    second = publication(tmp_path, {"a" * 16: {MONDAY: 4, TUESDAY: 2}}, kind)
    assert find_run(tmp_path, "latest")["run_id"] == second.run_id
    found = labelled_files(tmp_path, find_run(tmp_path, first.run_id))
    assert len(found) == 2 and all(first.run_id in file.name and file.is_file() for file in found)
    clean(tmp_path, keep=1)
    with pytest.raises(UsageError, match=r"2 of its 2 labelled files are gone.*runs clean"):
        labelled_files(tmp_path, find_run(tmp_path, first.run_id))
    assert len(labelled_files(tmp_path, find_run(tmp_path, "latest"))) == 2


def test_a_file_of_another_size_is_no_file_of_the_run(tmp_path) -> None:
    run = publication(tmp_path, {"a" * 16: {MONDAY: 3}})
    (tmp_path / run.published[0]["path"]).write_bytes(b"PAR1")
    with pytest.raises(UsageError, match="altered by hand"):
        labelled_files(tmp_path, find_run(tmp_path, "latest"))


def test_runs_that_are_not_there_or_not_published_are_refused_with_one_line(tmp_path) -> None:
    with pytest.raises(UsageError, match="holds no runs"):
        find_run(tmp_path, "latest")
    (tmp_path / "runs").mkdir()
    with pytest.raises(UsageError, match="no published run to audit"):
        find_run(tmp_path, "latest")
    run = publication(tmp_path, {"a" * 16: {MONDAY: 3}})
    with pytest.raises(UsageError, match=f"no such run.*{run.run_id}"):
        find_run(tmp_path, "yesterday")
    again = publication(tmp_path, {"a" * 16: {MONDAY: 4}})
    from moderation.runs.rollback import rollback

    rollback(tmp_path, run.run_id)
    with pytest.raises(UsageError, match="is rolled back, and only published runs"):
        find_run(tmp_path, again.run_id)
