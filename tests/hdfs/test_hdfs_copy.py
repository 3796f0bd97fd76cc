"""The copy of an output on HDFS: a real name node and a real data node, and readers in processes of their own."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from pyarrow import parquet

from moderation.errors import UsageError
from moderation.runs.mirror.mirror import mirror
from moderation.runs.rollback import rollback
from tests.commands import ROOT, moderation, run
from tests.dumps import write_dump
from tests.hdfs.copied_rows import DAYS, Seen, client_of, read_day, read_table
from tests.hdfs.hadoop import JARS, hdfs
from tests.runs.publications import MONDAY, TUESDAY, WEDNESDAY, publication

pytestmark = pytest.mark.hdfs
COPIES = 16


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an HDFS."""
    if not JARS.is_dir():
        pytest.skip("no Hadoop here: make hdfs-setup")
    with hdfs(tmp_path_factory.mktemp("hdfs")) as address:
        yield address


@pytest.fixture
def to(cluster: str, request: pytest.FixtureRequest) -> str:
    """A folder of the test's own."""
    return f"{cluster}/{abs(hash(request.node.name)) % 10**9}/some where"


def state(to: str, tree: str = "labelled") -> dict[str, dict[str, int]]:
    """Rows of each date by run, read as plain Parquet."""
    client, folder = client_of(f"{to}/{tree}")
    found: dict[str, dict[str, int]] = {}
    for day in client.list_status(folder):
        counts = found.setdefault(day.path.rsplit("date=", 1)[1], {})
        for _, run_id, _, count in read_day(client, day.path):
            counts[run_id] = counts.get(run_id, 0) + count
    return found


def below(to: str) -> list[str]:
    """The paths of all files of a copy, but for the one that says whose it is."""
    client, folder = client_of(to)
    found = [one.path.removeprefix(f"{folder}/") for one in client.list_status(folder, True) if not one.isdir]
    return sorted(path for path in found if path != ".mirror/copy.json")


def test_a_copy_holds_what_is_published_on_each_date_and_follows_it(to: str, tmp_path: Path) -> None:
    first = publication(tmp_path, {"aa": {MONDAY: 3, TUESDAY: 2}, "bb": {MONDAY: 1}})
    labelled, quarantine = mirror(tmp_path, to)
    assert (labelled.added, labelled.removed, labelled.dates, quarantine.dates) == (3, 0, 2, 0)
    old = {MONDAY: {first.run_id: 4}, TUESDAY: {first.run_id: 2}}
    assert state(to) == old

    second = publication(tmp_path, {"aa": {MONDAY: 5, WEDNESDAY: 1}})
    labelled, _ = mirror(tmp_path, to)
    assert (labelled.added, labelled.removed, labelled.dates) == (2, 2, 3)
    assert state(to) == {MONDAY: {first.run_id: 1, second.run_id: 5}, WEDNESDAY: {second.run_id: 1}}

    assert [(one.added, one.removed, one.dates, one.bytes) for one in mirror(tmp_path, to)] == [(0, 0, 0, 0)] * 2
    assert not [path for path in below(to) if path.startswith(".mirror")], "what was replaced is gone by now"
    rollback(tmp_path, first.run_id)
    mirror(tmp_path, to)
    assert state(to) == old


def test_a_delta_table_on_hdfs_holds_what_is_published_and_follows_it(to: str, tmp_path: Path) -> None:
    to = to.replace(" ", "_")
    publication(tmp_path, {"aa": {MONDAY: 3, TUESDAY: 2}, "bb": {MONDAY: 1}}, "delta")
    labelled, _ = mirror(tmp_path, to)
    assert (labelled.version, labelled.added) == (0, 3)
    second = publication(tmp_path, {"aa": {MONDAY: 5}}, "delta", more="a new column")
    labelled, _ = mirror(tmp_path, to)
    assert (labelled.added, labelled.removed, labelled.dates) == (1, 2, None)
    monday, tuesday, _ = read_table(client_of(to)[0], f"{to}/labelled")
    assert [(row[0], row[3]) for row in monday] == [("aa", 5), ("bb", 1)] and not tuesday
    assert monday[0][1] == second.run_id
    version = labelled.version
    assert [one.version for one in mirror(tmp_path, to)] == [version, None]


def test_quarantine_is_copied_and_one_that_became_empty_is_emptied(to: str, tmp_path: Path) -> None:
    publication(tmp_path, {"aa": {MONDAY: 3}}, tree="quarantine")
    mirror(tmp_path, to)
    assert [sum(runs.values()) for runs in state(to, "quarantine").values()] == [3]
    publication(tmp_path, {"aa": {MONDAY: 2}})
    mirror(tmp_path, to)
    assert state(to, "quarantine") == {} and list(state(to)) == [MONDAY]


def test_spark_reads_the_copy_with_its_dates(to: str, tmp_path: Path, spark: Any) -> None:
    publication(tmp_path, {"aa": {MONDAY: 3, TUESDAY: 2}})
    mirror(tmp_path, to.replace(" ", "_"))
    mirror(tmp_path, to.replace(" ", "_"))  # nothing of the copy's own is in the reader's way
    found = spark.read.parquet(f"{to.replace(' ', '_')}/labelled").groupBy("date").count().collect()
    assert {(str(row["date"]), row["count"]) for row in found} == {(MONDAY, 3), (TUESDAY, 2)}


def whole(day: Seen) -> bool:
    """Whether the rows of a date are all rows of one run for each of the two inputs, and of no other."""
    return [seen[0] for seen in day] == ["aa", "bb"] and all(seen[2] == seen[3] for seen in day)


@pytest.mark.parametrize("kind", ["parquet", "delta"])
def test_a_reader_at_work_while_runs_are_copied_never_sees_a_mixture(to: str, tmp_path: Path, kind: str) -> None:
    to, output = to.replace(" ", "_"), tmp_path / "out"
    publication(output, {"bb": dict.fromkeys(DAYS, 4)}, kind)
    first = publication(output, {"aa": dict.fromkeys(DAYS, 3)}, kind)
    mirror(output, to)
    command = [sys.executable, "-m", "tests.hdfs.copied_rows", kind, f"{to}/labelled"]
    with (tmp_path / "lines").open("w+") as lines:
        reader = subprocess.Popen(command, cwd=ROOT, stdout=lines, stderr=subprocess.PIPE, text=True)
        try:
            for number in range(COPIES):
                if number % 8 == 7:
                    rollback(output, first.run_id)
                publication(output, {"aa": dict.fromkeys(DAYS, 3 + number % 5)}, kind, files=1 + number % 3)
                mirror(output, to)
                seen = (tmp_path / "lines").stat().st_size
                while (tmp_path / "lines").stat().st_size == seen and reader.poll() is None:
                    time.sleep(0.01)
            assert reader.poll() is None, reader.stderr and reader.stderr.read()
        finally:
            reader.kill()
            reader.communicate()
        lines.seek(0)
        reads: list[list[Seen]] = [json.loads(line) for line in lines if line.startswith("[") and line.endswith("\n")]
    assert [read for read in reads if not all(map(whole, read))] == []
    runs = [{seen[1] for day in read for seen in day if seen[0] == "aa"} for read in reads]
    assert {len(found) for found in runs} == {1}
    assert len({min(found) for found in runs}) > 5


def test_a_copy_killed_before_any_of_its_steps_leaves_whole_dates_and_is_finished_by_the_next(
    to: str, tmp_path: Path
) -> None:
    first = publication(tmp_path, {"aa": {MONDAY: 3, TUESDAY: 2}, "bb": {MONDAY: 1}})
    second = publication(tmp_path, {"aa": {MONDAY: 5, WEDNESDAY: 1}})
    old = {MONDAY: {first.run_id: 4}, TUESDAY: {first.run_id: 2}}
    new = {MONDAY: {first.run_id: 1, second.run_id: 5}, WEDNESDAY: {second.run_id: 1}}
    seen = []
    for step in range(100):
        rollback(tmp_path, first.run_id)
        mirror(tmp_path, to)
        assert state(to) == old
        rollback(tmp_path, second.run_id)
        done = run([sys.executable, "-m", "tests.hdfs.killed_copy", str(tmp_path), to, str(step)])
        assert done.returncode in (0, -signal.SIGKILL), done.stderr[-2000:]
        seen.append(found := state(to))
        assert all(found[day] in (old.get(day), new.get(day)) for day in found)
        mirror(tmp_path, to)
        assert state(to) == new
        left = [path for path in below(to) if path.startswith(".mirror")]
        assert all("/replaced/" in path for path in left), "nothing that was uploaded for nothing is left"
        if done.returncode == 0:
            break
    assert len(seen) > 10 and seen[0] == old and seen[-1] == new
    assert [found for found in seen if MONDAY not in found], "the moment between a date's two renames was hit"


def test_a_large_file_arrives_whole(to: str, tmp_path: Path) -> None:
    publication(tmp_path, {"aa": {MONDAY: 2}}, blob=os.urandom(15_000_000))
    mirror(tmp_path, to)
    (path,) = [path for path in below(to) if path.startswith("labelled/")]
    client, folder = client_of(to)
    (source,) = (tmp_path / "labelled").rglob("*.parquet")
    with client.read(f"{folder}/{path}") as file:
        assert file.read() == source.read_bytes()
    assert parquet.read_metadata(source).num_rows == 2 and source.stat().st_size > 8 << 20


def test_what_is_no_copy_of_this_output_is_left_alone(to: str, tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    first = publication(one, {"aa": {MONDAY: 3}})
    publication(other, {"aa": {MONDAY: 1}})
    mirror(one, to)
    with pytest.raises(UsageError, match="is no copy of this output, but copy of the output whose first run is"):
        mirror(other, to)
    with pytest.raises(UsageError, match="holds a copy in format parquet"):
        mirror(one, to, "delta")
    client, folder = client_of(to)
    client.create(f"{folder}/labelled/date={MONDAY}/theirs.parquet").close()
    with pytest.raises(UsageError, match=r"theirs.parquet was written by another program"):
        mirror(one, to)
    client.mkdirs(f"{folder}/x/labelled", create_parent=True)
    with pytest.raises(UsageError, match="x/labelled: is there already, and no copy of this output"):
        mirror(one, f"{to}/x")
    mirror(one, f"{to.replace(' ', '_')}_table", "delta")
    with pytest.raises(UsageError, match="labelled: is there already, and no copy of this output"):
        mirror(one, f"{to.replace(' ', '_')}_table", "parquet")
    client.delete(f"{folder}/labelled/date={MONDAY}/theirs.parquet")
    assert state(to) == {MONDAY: {first.run_id: 3}}


def test_two_copies_at_once_are_refused(to: str, tmp_path: Path) -> None:
    publication(tmp_path, {"aa": {MONDAY: 3, TUESDAY: 1}})
    said: list[str] = []

    def second(path: str, size: int) -> None:
        def copy() -> None:
            with pytest.raises(UsageError) as error:
                mirror(tmp_path, to)
            said.append(str(error.value))

        thread = Thread(target=copy)
        thread.start()
        thread.join()

    mirror(tmp_path, to, None, second)
    assert len(said) == 2 and all("another copy of it is under way" in line for line in said)
    assert sorted(state(to)) == [MONDAY, TUESDAY]


def test_a_run_whose_settings_name_a_mirror_is_copied_when_it_is_published(to: str, tmp_path: Path) -> None:
    write_dump(tmp_path / "dump.parquet", [{"id": "a", "body": "hello there", "created_utc": 1767571200}])
    settings = tmp_path / "settings.yaml"
    settings.write_text(f"publish: {{mirror: '{to}'}}\nbackend: torch\n")
    command = ["run", "--config", settings, "--input", tmp_path / "dump.parquet", "--output", tmp_path / "out"]
    done = moderation(*command)
    assert done.returncode == 0, done.stderr[-3000:]
    client, folder = client_of(to)
    published = [path for path in below(to) if path.startswith("labelled/date=2026-01-05/")]
    assert len(published) == 1
    client.delete(f"{folder}/labelled", True)
    done = moderation(*command)
    assert done.returncode == 0 and "nothing to do" in done.stderr and below(to) == published, (
        "a lost copy is made again"
    )


def test_a_name_node_that_does_not_answer_is_one_line(tmp_path: Path) -> None:
    publication(tmp_path, {"aa": {MONDAY: 3}})
    done = moderation("runs", "mirror", "--output", tmp_path, "--to", "hdfs://127.0.0.1:1/x")
    assert (done.returncode, done.stdout) == (2, "")
    assert "hdfs://127.0.0.1:1/x: Connection refused" in done.stderr and "nothing half copied is seen" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_the_command_says_which_dates_it_swapped(to: str, tmp_path: Path) -> None:
    publication(tmp_path, {"aa": {MONDAY: 3}})
    done = moderation("runs", "mirror", "--output", tmp_path, "--to", to)
    assert done.returncode == 0, done.stderr
    assert "labelled   1 date swapped: 1 files added, 0 removed" in done.stdout
    assert "quarantine 0 dates swapped: 0 files added, 0 removed" in done.stdout
