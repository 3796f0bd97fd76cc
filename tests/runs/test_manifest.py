"""Manifests of runs that died, and files that are none."""

import json

import pytest

from moderation.config import Config
from moderation.errors import UsageError
from moderation.runs.manifest import Manifest, mark_interrupted, read_manifests
from moderation.runs.run import Run


def test_a_run_that_died_is_marked_by_the_next(tmp_path) -> None:
    for name, status in (("a", "running"), ("b", "published"), ("c", "failed"), ("d", "publishing")):
        (tmp_path / "runs" / name).mkdir(parents=True)
        claimed = [{"path": f"labelled/date=2026-01-05/{name}.parquet"}]
        Manifest(name, "then", status=status, scores={"key": "k"}, published=claimed).write(tmp_path / "runs" / name)
    making = tmp_path / "scores/key/digest/.000-100.parquet.12.making"
    making.parent.mkdir(parents=True)
    making.write_bytes(b"half")
    with Run(Config(output=tmp_path)) as run:
        assert not making.exists()
    said = {one["run_id"]: one["status"] for one in read_manifests(tmp_path) if one["run_id"] != run.manifest.run_id}
    assert said == {"a": "interrupted", "b": "published", "c": "failed", "d": "interrupted"}
    assert {one["run_id"] for one in read_manifests(tmp_path) if one["published"]} == {"b", "c"}
    assert [one["scores"] for one in read_manifests(tmp_path) if one["run_id"] == "a"] == [{"key": "k"}]


def test_manifests_of_earlier_versions_can_be_marked(tmp_path) -> None:
    (tmp_path / "runs/a").mkdir(parents=True)
    (tmp_path / "runs/a/manifest.json").write_text(json.dumps({"run_id": "a", "started": "then", "status": "running"}))
    mark_interrupted(tmp_path)
    assert read_manifests(tmp_path)[0]["status"] == "interrupted"


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", "\udcff"])
def test_a_manifest_that_cannot_be_read_is_named(tmp_path, content) -> None:
    (tmp_path / "runs/a").mkdir(parents=True)
    (tmp_path / "runs/a/manifest.json").write_text(content, errors="surrogateescape")
    with pytest.raises(UsageError, match=r"runs/a/manifest\.json: .*what the run published stays if you remove it"):
        read_manifests(tmp_path)
