"""Whose files a run replaces, and what a run leaves behind however it ends."""

import json
from pathlib import Path

import pytest

from moderation.config import Config
from moderation.errors import GateRefused, UsageError
from moderation.runs.inputs import input_key
from moderation.runs.publish import Scope, replaced_keys
from moderation.runs.run import Run
from tests.dumps import comment, write_dump


def published(output: Path, key: str, day: str, name: str = "run-00000") -> Path:
    return write_dump(output / "labelled" / f"date={day}" / f"{key}-{name}.parquet", [comment("1", "x")])


def test_a_scope_covers_its_own_inputs_on_its_dates(tmp_path) -> None:
    mine, other = published(tmp_path, "aaaa", "2026-01-05"), published(tmp_path, "bbbb", "2026-01-05")
    assert Scope(frozenset({"aaaa"}), None).covers(mine)
    assert not Scope(frozenset({"aaaa"}), None).covers(other)
    assert not Scope(frozenset({"aaaa"}), frozenset({"2026-01-06"})).covers(mine)


def test_files_that_left_a_folder_are_replaced_with_it_but_not_their_neighbours(tmp_path) -> None:
    run = tmp_path / "runs/one"
    run.mkdir(parents=True)
    uris = ["file:///dump/a.parquet", "file:///dump/b.parquet", "file:///dump2/c.parquet"]
    manifest = {"status": "published", "inputs": [{"uri": uri} for uri in uris]}
    (run / "manifest.json").write_text(json.dumps(manifest))
    assert replaced_keys(tmp_path, uris[:1], ["file:///dump"]) == {input_key(uri) for uri in uris[:2]}


def test_two_runs_cannot_write_to_one_output(tmp_path) -> None:
    config = Config(output=tmp_path)
    with Run(config), pytest.raises(UsageError, match="another run is writing there"), Run(config):
        pass
    with Run(Config(output=tmp_path)):
        pass


def test_a_mistake_leaves_nothing_behind(tmp_path) -> None:
    with pytest.raises(UsageError), Run(Config(output=tmp_path / "new/deep")):
        raise UsageError("mistake")
    assert not (tmp_path / "new").exists()


def test_a_crash_leaves_its_manifest_and_no_staged_rows(tmp_path) -> None:
    with pytest.raises(ZeroDivisionError), Run(Config(output=tmp_path)) as run:
        (run.staging / "rows").write_text("x")
        raise ZeroDivisionError
    manifest = json.loads((run.folder / "manifest.json").read_text())
    assert (manifest["status"], manifest["error"]) == ("failed", "ZeroDivisionError")
    assert not run.staging.exists()


def test_a_refusal_keeps_the_staged_rows_for_a_look(tmp_path) -> None:
    with pytest.raises(GateRefused), Run(Config(output=tmp_path)) as run:
        (run.staging / "rows").write_text("x")
        raise GateRefused("no")
    assert (run.staging / "rows").exists()


def test_an_output_below_a_file_is_refused(tmp_path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="file/out: cannot be made"), Run(Config(output=tmp_path / "file/out")):
        pass
