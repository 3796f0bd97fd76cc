"""A published run against its digests: one byte changed anywhere names the file."""

import json
from pathlib import Path

import pytest

from moderation.audit.verify import verify
from moderation.errors import UsageError
from moderation.runs.clean import clean
from moderation.runs.publish import published_files
from moderation.runs.rollback import rollback
from moderation.runs.seal import sealed
from tests.commands import moderation
from tests.runs.publications import MONDAY, TUESDAY, publication

KEY = "a" * 16


def found(output: Path, run: str = "latest", expected: str | None = None) -> list[tuple[str, str]]:
    """What differs: its kind and name."""
    return [(check.kind, check.name) for check in verify(output, run, expected).checks if check.state == "differs"]


def change_a_byte(path: Path) -> None:
    """Changes one byte in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.unlink()  # a hard link of it elsewhere stays as it was
    path.write_bytes(content)


def manifest_path(output: Path, run_id: str) -> Path:
    return output / "runs" / run_id / "manifest.json"


@pytest.mark.parametrize("kind", ["parquet", "delta"])
def test_a_run_that_nobody_touched_is_as_recorded_before_and_after_it_is_replaced(tmp_path, kind) -> None:
    first = publication(tmp_path, {KEY: {MONDAY: 3, TUESDAY: 2}}, kind)
    assert found(tmp_path) == []
    second = publication(tmp_path, {KEY: {MONDAY: 4}}, kind)
    report = verify(tmp_path, first.run_id)
    assert report.ok and [check.kind for check in report.checks].count("published") == 2
    assert found(tmp_path, second.run_id) == []
    clean(tmp_path, keep=1)
    gone = [check for check in verify(tmp_path, first.run_id).checks if check.state == "unchecked"]
    assert {check.kind for check in gone} == {"published"} and second.run_id in gone[0].detail


@pytest.mark.parametrize("kind", ["parquet", "delta"])
def test_a_byte_changed_in_a_published_file_names_it_wherever_it_is(tmp_path, kind) -> None:
    first = publication(tmp_path, {KEY: {MONDAY: 3, TUESDAY: 2}}, kind)
    broken = publication(tmp_path, {"b" * 16: {MONDAY: 1}}, kind, tree="quarantine")
    last = publication(tmp_path, {KEY: {MONDAY: 4}}, kind)
    quarantined = next(published_files(tmp_path, "quarantine"))
    change_a_byte(quarantined)
    assert found(tmp_path) == []  # it is not of the last run
    assert found(tmp_path, broken.run_id) == [("published", str(quarantined.relative_to(tmp_path)))]
    change_a_byte(tmp_path / last.published[0]["path"])
    assert found(tmp_path) == [("published", last.published[0]["path"])]
    (replaced,) = [file for file in tmp_path.rglob(f"*{first.run_id}*.parquet") if MONDAY in str(file)]
    assert (".versions" in replaced.parts) == (kind == "parquet")
    change_a_byte(replaced)
    assert found(tmp_path, first.run_id) == [("published", str(replaced.relative_to(tmp_path)))]


def test_a_file_that_is_cut_or_gone_is_named_with_what_is_wrong(tmp_path) -> None:
    run = publication(tmp_path, {KEY: {MONDAY: 3, TUESDAY: 2}})
    cut, gone = (tmp_path / entry["path"] for entry in run.published)
    size = cut.stat().st_size
    cut.write_bytes(cut.read_bytes()[:-1])
    gone.unlink()
    details = {check.name: check.detail for check in verify(tmp_path, "latest").checks if check.kind == "published"}
    assert details[str(cut.relative_to(tmp_path))] == f"has {size - 1:,} bytes, recorded are {size:,}"
    assert details[str(gone.relative_to(tmp_path))] == "missing"
    assert ("state", str(gone.relative_to(tmp_path))) in found(tmp_path)


def test_a_file_that_no_run_published_is_named(tmp_path) -> None:
    run = publication(tmp_path, {KEY: {MONDAY: 3}})
    planted = (tmp_path / run.published[0]["path"]).with_name("planted.parquet")
    planted.write_bytes((tmp_path / run.published[0]["path"]).read_bytes())
    assert found(tmp_path) == [("state", f"labelled/date={MONDAY}/planted.parquet")]


def test_a_delta_table_whose_log_lost_or_gained_files_is_named(tmp_path) -> None:
    run = publication(tmp_path, {KEY: {MONDAY: 3}}, "delta")
    publication(tmp_path, {KEY: {MONDAY: 2}}, "delta")
    log = tmp_path / "labelled/_delta_log/00000000000000000001.json"
    lines = [line for line in log.read_text().splitlines() if '"remove"' not in line]
    log.write_text("\n".join(lines) + "\n")
    assert found(tmp_path) == [("state", run.published[0]["path"])]
    log.write_text("{")
    assert found(tmp_path) == [("state", "labelled/_delta_log")]


@pytest.mark.parametrize("place", range(1, 10))
def test_a_byte_changed_anywhere_in_a_manifest_names_it(tmp_path, place) -> None:
    run = publication(tmp_path, {KEY: {MONDAY: 3}})
    path = manifest_path(tmp_path, run.run_id)
    content = bytearray(path.read_bytes())
    content[len(content) * place // 10] ^= 1
    path.write_bytes(content)
    assert ("manifest", f"runs/{run.run_id}/manifest.json") in found(tmp_path)


def test_a_manifest_that_is_changed_with_its_digest_is_told_by_the_next_run(tmp_path) -> None:
    first = publication(tmp_path, {KEY: {MONDAY: 3}})
    publication(tmp_path, {KEY: {MONDAY: 4}})
    last = publication(tmp_path, {KEY: {MONDAY: 5}})
    path = manifest_path(tmp_path, first.run_id)
    path.write_text(json.dumps(sealed(json.loads(path.read_text()) | {"started": "never"}), indent=2) + "\n")
    for run in (first.run_id, last.run_id):  # seen from the run itself, and from any later one
        assert found(tmp_path, run) == [("manifest", f"runs/{first.run_id}/manifest.json")]
    path.unlink()
    assert ("manifest", f"runs/{first.run_id}/manifest.json") in found(tmp_path)


def test_the_last_manifest_changed_with_its_digest_is_told_by_a_digest_noted_elsewhere(tmp_path) -> None:
    run = publication(tmp_path, {KEY: {MONDAY: 3}})
    noted = verify(tmp_path, "latest").sha256
    assert found(tmp_path, expected=noted) == [] == found(tmp_path, expected=noted[:12])
    path = manifest_path(tmp_path, run.run_id)
    path.write_text(json.dumps(sealed(json.loads(path.read_text()) | {"started": "never"}), indent=2) + "\n")
    assert found(tmp_path) == []  # nothing in the folder can tell
    assert found(tmp_path, expected=noted) == [("manifest", f"runs/{run.run_id}/manifest.json")]
    with pytest.raises(UsageError, match="--expect abc: is no digest"):
        verify(tmp_path, "latest", "abc")


@pytest.mark.parametrize("kind", ["parquet", "delta"])
def test_going_back_and_on_again_leaves_all_digests_valid(tmp_path, kind) -> None:
    first, second = (publication(tmp_path, {KEY: {MONDAY: count}}, kind) for count in (3, 4))
    noted = [verify(tmp_path, run.run_id).sha256 for run in (first, second)]
    rollback(tmp_path, first.run_id)
    assert found(tmp_path, first.run_id, noted[0]) == []
    rollback(tmp_path, second.run_id)
    assert found(tmp_path, second.run_id, noted[1]) == []
    rollback(tmp_path, first.run_id)
    third = publication(tmp_path, {KEY: {MONDAY: 5}}, kind)
    assert third.parent_sha256 == noted[0]
    assert found(tmp_path) == []


def test_the_command_says_what_differs_and_exits_with_1(tmp_path) -> None:
    run = publication(tmp_path, {KEY: {MONDAY: 3}})
    well = moderation("audit", "verify", "--output", tmp_path)
    assert well.returncode == 0 and "all as recorded; the manifest's digest is" in well.stdout
    change_a_byte(tmp_path / run.published[0]["path"])
    told = moderation("audit", "verify", "--output", tmp_path, "--json")
    report = json.loads(told.stdout)
    assert told.returncode == 1 and not report["ok"]
    assert [check["name"] for check in report["checks"] if check["state"] == "differs"] == [run.published[0]["path"]]
