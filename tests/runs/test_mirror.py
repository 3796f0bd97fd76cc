"""The copy of an output on an object store: a real server of the S3 protocol in a process of its own."""

import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import duckdb
import obstore
import pytest
from deltalake import DeltaTable
from obstore.store import from_url

from moderation.config import PublishSettings
from moderation.errors import UsageError
from moderation.runs.mirror.mirror import mirror, mirrored
from moderation.runs.rollback import rollback
from tests.commands import moderation
from tests.dumps import write_dump
from tests.runs.publications import MONDAY, TUESDAY, publication

KEYS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1"}


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of moto's server."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    started = Path(sys.executable).with_name("moto_server")
    process = subprocess.Popen(
        [sys.executable, str(started), "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    for _ in range(300):
        try:
            urllib.request.urlopen(address)
            break
        except urllib.error.URLError:
            assert process.poll() is None, "moto_server ended"
            time.sleep(0.1)
    yield address
    process.terminate()
    process.wait()


@pytest.fixture
def bucket(server: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    """A bucket of the test's own, reached by what is in the environment."""
    for name, value in ({"AWS_ENDPOINT_URL": server, "AWS_ALLOW_HTTP": "true"} | KEYS).items():
        monkeypatch.setenv(name, value)
    name = f"bucket{abs(hash(request.node.name)) % 10**9}"
    urllib.request.urlopen(urllib.request.Request(f"{server}/{name}", data=b"", method="PUT"))
    return f"s3://{name}"


def rows_of(uri: str, folder: Path) -> dict[tuple[str, str], int]:
    """Rows of each date and run in a table of the copy, read from its current files alone."""
    found: Counter[tuple[str, str]] = Counter()
    table, store = DeltaTable(uri), from_url(uri)
    for path in (item.removeprefix(f"{uri}/") for item in table.file_uris()):
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(obstore.get(store, path).bytes())
        for run, count in duckdb.sql(f"SELECT run_id, count(*) FROM read_parquet('{file}') GROUP BY 1").fetchall():
            found[path.split("/")[0].removeprefix("date="), run] += count
    return dict(found)


@pytest.mark.parametrize("kind", ["parquet", "delta"])
def test_a_copy_holds_what_is_published_and_follows_it(bucket: str, tmp_path: Path, kind: str) -> None:
    out, to = tmp_path / "out", f"{bucket}/some/where"
    first = publication(out, {"aa": {MONDAY: 3, TUESDAY: 2}, "bb": {MONDAY: 1}}, kind)
    labelled, quarantine = mirror(out, to)
    assert (labelled.added, labelled.removed, quarantine.version) == (3, 0, None)
    assert rows_of(f"{to}/labelled", tmp_path / "1") == {(MONDAY, first.run_id): 4, (TUESDAY, first.run_id): 2}

    second = publication(out, {"aa": {MONDAY: 5}}, kind, more="a new column")
    labelled, _ = mirror(out, to)
    assert (labelled.added, labelled.removed) == (1, 2)
    now = {(MONDAY, first.run_id): 1, (MONDAY, second.run_id): 5}
    assert rows_of(f"{to}/labelled", tmp_path / "2") == now
    assert "more" in {field.name for field in DeltaTable(f"{to}/labelled").schema().fields}
    assert DeltaTable(f"{to}/labelled").history(1)[0]["run_id"] == second.run_id

    version = DeltaTable(f"{to}/labelled").version()
    assert [(one.added, one.removed) for one in mirror(out, to)] == [(0, 0), (0, 0)]
    assert DeltaTable(f"{to}/labelled").version() == version

    rollback(out, first.run_id)
    mirror(out, to)
    assert rows_of(f"{to}/labelled", tmp_path / "3") == {(MONDAY, first.run_id): 4, (TUESDAY, first.run_id): 2}


def test_both_tables_are_copied_and_one_that_became_empty_is_emptied(bucket: str, tmp_path: Path) -> None:
    publication(tmp_path, {"aa": {MONDAY: 3}}, tree="quarantine")
    mirror(tmp_path, f"{bucket}/x")
    assert sum(rows_of(f"{bucket}/x/quarantine", tmp_path / "q").values()) == 3
    publication(tmp_path, {"aa": {MONDAY: 2}})
    labelled, quarantine = mirror(tmp_path, f"{bucket}/x")
    assert (labelled.added, quarantine.removed) == (1, 1)
    assert DeltaTable(f"{bucket}/x/quarantine").file_uris() == []


def test_what_a_killed_copy_uploaded_is_no_part_of_the_table_until_the_next_one(bucket: str, tmp_path: Path) -> None:
    out, to = tmp_path / "out", f"{bucket}/killed"
    publication(out, {"aa": {MONDAY: 3, TUESDAY: 2}})
    mirror(out, to)
    before = rows_of(f"{to}/labelled", tmp_path / "1")
    last = publication(out, {"aa": {MONDAY: 1, TUESDAY: 1}})

    class Killed(BaseException):
        pass

    def die(path: str, size: int) -> None:
        raise Killed

    with pytest.raises(Killed):
        mirror(out, to, told=die)
    assert rows_of(f"{to}/labelled", tmp_path / "2") == before
    mirror(out, to)
    assert rows_of(f"{to}/labelled", tmp_path / "3") == {(MONDAY, last.run_id): 1, (TUESDAY, last.run_id): 1}


def test_a_run_that_publishes_while_its_output_is_copied_is_copied_too(bucket: str, tmp_path: Path) -> None:
    publication(tmp_path, {"aa": {MONDAY: 3}})
    runs = []

    def publish_meanwhile(path: str, size: int) -> None:
        if not runs:
            runs.append(publication(tmp_path, {"aa": {MONDAY: 2}, "bb": {TUESDAY: 1}}).run_id)
            shutil.rmtree(tmp_path / ".versions")  # as `runs clean` does

    mirror(tmp_path, f"{bucket}/busy", told=publish_meanwhile)
    assert rows_of(f"{bucket}/busy/labelled", tmp_path / "copy") == {(MONDAY, runs[0]): 2, (TUESDAY, runs[0]): 1}


def test_another_outputs_copy_and_other_programs_tables_are_left_alone(bucket: str, tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    publication(one, {"aa": {MONDAY: 3}})
    publication(other, {"aa": {MONDAY: 1}})
    mirror(one, f"{bucket}/x")
    with pytest.raises(UsageError, match="no copy of this output"):
        mirror(other, f"{bucket}/x")
    DeltaTable(f"{bucket}/x/labelled").optimize.compact()
    publication(one, {"bb": {MONDAY: 1}})
    publication(one, {"cc": {MONDAY: 1}})
    mirror(one, f"{bucket}/x")
    DeltaTable(f"{bucket}/x/labelled").optimize.compact()
    with pytest.raises(UsageError, match=r"another program \(compacted\?\)"):
        mirror(one, f"{bucket}/x")


@pytest.mark.parametrize(
    ("to", "said"),
    [
        ("/tmp/x", "give an address such as s3://bucket/folder"),
        ("ftp://bucket/x", "give an address such as"),
        ("s3:///x", "give an address such as"),
        ("s3://bucket/x/", "no query, password or slash at the end"),
        ("s3://bucket/../x", "name a folder, without"),
        ("hdfs://namenode:8020", "name a folder, without"),
        ("s3://key:secret@bucket/x", "s3://bucket/x: no query, password"),
    ],
)
def test_what_is_no_address_is_refused_in_one_line(tmp_path: Path, to: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as error:
        mirror(tmp_path, to)
    assert "secret" not in str(error.value)


def test_plain_parquet_on_an_object_store_is_refused(tmp_path: Path) -> None:
    publication(tmp_path, {"aa": {MONDAY: 3}})
    with pytest.raises(UsageError, match="object stores know no renames, so a copy there has --format delta"):
        mirror(tmp_path, "s3://bucket/x", "parquet")


def test_a_run_with_a_mirror_that_cannot_be_is_refused_before_anything_is_read_or_scored(tmp_path: Path) -> None:
    settings = tmp_path / "settings.yaml"
    settings.write_text("publish: {mirror: 'ftp://server/x'}\n")
    write_dump(tmp_path / "dump.parquet", [{"id": "a", "body": "hello", "created_utc": 1767571200}])
    command = ["run", "--config", settings, "--input", tmp_path / "dump.parquet", "--output", tmp_path / "out"]
    done = moderation(*command)
    assert done.returncode == 2 and "ftp://server/x: give an address such as" in done.stderr
    assert not (tmp_path / "out").exists()


def test_what_is_published_stays_where_its_copy_fails_and_the_line_says_how_to_go_on(
    bucket: str, tmp_path: Path
) -> None:
    publication(tmp_path, {"aa": {MONDAY: 3}})
    with (
        pytest.raises(UsageError, match=r"published, but not copied: .* again with: moderation runs mirror --output"),
        mirrored(tmp_path, PublishSettings(mirror="s3://nosuchbucket/x")),
    ):
        last = publication(tmp_path, {"aa": {MONDAY: 2}})
    with mirrored(tmp_path, PublishSettings(mirror=f"{bucket}/x")):
        pass
    assert rows_of(f"{bucket}/x/labelled", tmp_path / "copy") == {(MONDAY, last.run_id): 2}


def test_a_bucket_that_is_not_there_or_a_server_that_is_down_is_one_line(
    bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publication(tmp_path, {"aa": {MONDAY: 3}})
    with pytest.raises(UsageError, match=r"--to s3://nosuchbucket/x: .*nothing half copied is seen"):
        mirror(tmp_path, "s3://nosuchbucket/x")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(UsageError, match=r"--to s3://bucket/x: Generic S3 error ") as error:
        mirror(tmp_path, "s3://bucket/x")
    assert "\x1b" not in str(error.value) and "\n" not in str(error.value)


def test_the_command_says_what_it_copied(bucket: str, tmp_path: Path) -> None:
    publication(tmp_path, {"aa": {MONDAY: 3}})
    done = moderation("runs", "mirror", "--output", tmp_path, "--to", f"{bucket}/told")
    assert done.returncode == 0, done.stderr
    assert "labelled   version 0: 1 files added, 0 removed" in done.stdout
    done = moderation("runs", "mirror", "--output", tmp_path / "none", "--to", f"{bucket}/told")
    assert (done.returncode, done.stdout) == (2, "") and "no such folder" in done.stderr
