"""`moderation runs`: what the commands print, and their exit codes."""

import json

import pytest

from moderation.runs.run import take_lock
from tests.commands import moderation
from tests.runs.publications import MONDAY, publication


@pytest.fixture(scope="module")
def output(tmp_path_factory):
    """An output with two publications; tests leave it as it is."""
    folder = tmp_path_factory.mktemp("runs") / "out"
    for count in (3, 5):
        publication(folder, {"aa": {MONDAY: count}})
    path = sorted((folder / "runs").glob("*/manifest.json"), key=lambda path: path.stat().st_mtime)[-1]
    more = {
        "counts": {"rows_in": 1200, "scored": 1000, "flagged": 40},
        "validation": {"success": True, "checks": 3, "docs": "docs"},
        "accepted_shift": {"by": "ann", "reason": "raid"},
    }
    path.write_text(json.dumps(json.loads(path.read_text()) | more))
    return folder


def test_list_shows_a_line_for_each_run(output) -> None:
    done = moderation("runs", "list", "--output", output)
    heading, first, second = done.stdout.splitlines()
    assert heading.split() == ["run", "started", "status", "rows", "flagged", "inputs", "files", "replaced", "override"]
    lines = sorted((first, second), key=lambda line: "current" in line)
    assert lines[0].split()[2:] == ["published", "-", "-", "0", "1", "0", "-"]
    assert lines[1].split()[2:] == ["published", "(current)", "1,200", "4.0%", "0", "1", "1", "ann:", "raid"]


def test_list_and_show_print_json(output) -> None:
    listed = json.loads(moderation("runs", "list", "--output", output, "--json").stdout)
    assert sorted(run["current"] for run in listed) == [False, True]
    (current,) = [run for run in listed if run["current"]]
    assert (current["flagged_share"], current["override"]) == (0.04, "ann: raid")
    shown = json.loads(moderation("runs", "show", current["run_id"], "--output", output, "--json").stdout)
    assert shown["counts"]["rows_in"] == 1200


def test_show_tells_what_became_of_a_runs_files(output) -> None:
    listed = json.loads(moderation("runs", "list", "--output", output, "--json").stdout)
    (earlier,) = [run["run_id"] for run in listed if not run["current"]]
    (current,) = [run["run_id"] for run in listed if run["current"]]
    told = moderation("runs", "show", earlier, "--output", output).stdout
    assert f"labelled/date={MONDAY}/aa-{earlier}-00000.parquet  3 rows  (replaced by {current})" in told
    told = moderation("runs", "show", current, "--output", output).stdout
    assert "and what readers see now" in told
    assert f"replaced   labelled/date={MONDAY}/aa-{earlier}-00000.parquet" in told


@pytest.mark.parametrize("command", [("show", "2019"), ("rollback", "--to", "2019")])
def test_an_unknown_run_is_one_line_that_names_the_nearest(output, command) -> None:
    done = moderation("runs", *command, "--output", output)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("moderation: run 2019: no such run in") and "the nearest: 20" in line


@pytest.mark.parametrize("name", ["nothing", "."])
def test_a_folder_without_runs_is_one_line_and_stays_as_it_was(tmp_path, name) -> None:
    for command in (("list",), ("clean",), ("rollback", "--to", "x")):
        done = moderation("runs", *command, "--output", tmp_path / name)
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert not list(tmp_path.iterdir())


def test_a_locked_output_is_one_line(output) -> None:
    with take_lock(output):
        for command in (("clean", "--dry-run"), ("rollback", "--to", "latest")):
            done = moderation("runs", *command, "--output", output)
            assert done.returncode == 2
            (line,) = done.stderr.splitlines()
            assert "another run is writing there" in line
        assert moderation("runs", "list", "--output", output).returncode == 0


def test_rollback_and_clean_say_what_they_did(tmp_path) -> None:
    first, second = (publication(tmp_path, {"aa": {MONDAY: count}}).run_id for count in (3, 5))
    told = moderation("runs", "rollback", "--to", first, "--output", tmp_path).stdout.splitlines()
    assert told == [f"{second}  rolled back", "published as it was right after the run"]
    told = moderation("runs", "rollback", "--to", first, "--output", tmp_path).stdout
    assert told == "nothing to do: that is what is published\n"
    found = json.loads(moderation("runs", "clean", "--keep", 1, "--output", tmp_path, "--json").stdout)
    assert (found["versions"]["bytes"] > 0, found["kept"]) == (True, [first])
    told = moderation("runs", "clean", "--keep", 1, "--output", tmp_path).stdout.splitlines()
    assert told[-1] == f"freed 0 bytes; kept: {first}"
