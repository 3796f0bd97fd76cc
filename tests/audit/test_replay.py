"""One published decision made again: equal to the last bit, or what differs; and what cannot be replayed says why."""

import json
import shutil
from pathlib import Path

import pytest
from pyarrow import parquet

from moderation.audit.published import find_run
from moderation.audit.replay import Wish, replay
from moderation.audit.replay_compute import in_company
from moderation.audit.replay_find import find_input, find_published, find_rows, layout_of
from moderation.audit.replay_sources import found_panel, recorded_config
from moderation.audit.verify import verify
from moderation.errors import UsageError
from moderation.runs.seal import sealed
from moderation.runs.shards import shards_of
from moderation.runs.store import Store, stored
from moderation.text.digest import file_digest
from tests.audit.replayed import BODIES, LONG, changed, gone


def differing(folder: Path) -> list[tuple[str, str]]:
    return [(one.kind, one.name) for one in verify(folder / "out", "latest").checks if one.state == "differs"]


def last_value(file: Path) -> int:
    """Where the longest column of a Parquet file has its last byte: among values, which have a checksum; what stands
    around them (sizes, statistics) has none, and a change there may change no value."""
    group = parquet.read_metadata(file).row_group(0)
    column = max((group.column(n) for n in range(group.num_columns)), key=lambda one: one.total_compressed_size)
    start = min(one for one in (column.dictionary_page_offset, column.data_page_offset) if one)
    return int(start + column.total_compressed_size - 1)


@pytest.mark.parametrize("row_id", ["100", "1101", "102", "103"])
def test_a_decision_made_again_is_equal_to_the_last_bit(replayed, row_id) -> None:
    found = replay(replayed / "out", "latest", Wish(row_id))
    assert (found.verdict, found.differences, found.notes) == ("equal", (), ())
    assert found.columns > 20 and found.checked["here"]["backend"] == "openvino"
    assert found.lines()[-1] == f"equal: all {found.columns} columns, to the last bit"


def test_a_shard_scored_anew_has_the_bits_of_the_stored_scores(replayed, spark) -> None:
    manifest = find_run(replayed / "out", "latest")
    config, published = recorded_config(manifest), find_published(replayed / "out", manifest, "103", None)
    file = find_input(manifest, published.input_key, config)
    layout, shards = layout_of(published, file, manifest, config), shards_of([file])
    ((shard, row),) = find_rows(shards, layout, "103")
    found = in_company(spark, shard, row, layout, config, found_panel(manifest, config, ()))
    kept = stored(Store(replayed / "out", manifest["scores"]["key"]), shard).slice(row - shard.start, 1)
    assert found.field("scores").to_pylist() == kept.column("scores").to_pylist()
    (entities,), (others,) = found.field("entities").to_pylist(), kept.column("entities").to_pylist()
    assert [entity["score"] for entity in entities] == [entity["score"] for entity in others]


def test_the_decision_is_the_same_on_another_backend_within_the_stated_tolerance(replayed) -> None:
    found = replay(replayed / "out", "latest", Wish("103", backend="torch"))
    assert found.verdict in ("equal", "equal within tolerance") and found.tolerance == 1e-5
    assert all(one.computed for one in found.differences)
    assert "torch fp32 on cpu, and the run on openvino fp32 on cpu" in found.notes[0]


def test_a_row_that_was_changed_is_told_field_by_field_and_without_its_text(replayed, tmp_path) -> None:
    shutil.copytree(replayed / "out", tmp_path / "out")
    tamper(tmp_path / "out", "103")
    found = replay(tmp_path / "out", "latest", Wish("103", alone=True))
    told = {one.field: one for one in found.differences if not one.computed}
    assert found.verdict == "differs" and set(told) == {"action", "flagged", "author"}
    assert (told["action"].published, told["action"].replayed) == ("none", "limit")
    shown = "\n".join(found.lines())
    assert "action: published 'none', replayed 'limit'" in shown and "mallory" not in shown and "Merkel" not in shown
    assert "mallory" in json.dumps(found.as_dict(with_text=True))


def tamper(output: Path, row_id: str) -> None:
    """Changes a published row, and its manifest with all digests: only a replay can tell."""
    (path,) = (output / "runs").glob("*/manifest.json")
    manifest = json.loads(path.read_text())
    for entry in manifest["published"]:
        file = output / entry["path"]
        table = parquet.ParquetFile(file).read()
        rows = table.to_pylist()
        for row in rows:
            if row.get("id") == row_id:
                row |= {"action": "none", "flagged": False, "author": "mallory"}
        file.unlink()
        parquet.write_table(type(table).from_pylist(rows, table.schema), file)
        entry |= {"size": file.stat().st_size, "sha256": file_digest(file)}
    path.write_text(json.dumps(sealed(manifest), indent=2) + "\n")


def test_what_a_decision_rests_on_must_be_there_as_it_was(replayed, tmp_path) -> None:
    def said(row_id: str = "100", **wish: object) -> str:
        with pytest.raises(UsageError) as refused:
            replay(replayed / "out", "latest", Wish(row_id, **wish))
        return str(refused.value)

    with gone(replayed / "comments.parquet"):
        assert "is not there any more" in said()
    with changed(replayed / "comments.parquet"):
        assert "comments.parquet: changed since the run: its SHA-256 is" in said()
    with changed(replayed / "model/model.safetensors"):
        assert "and the run had" in said() or "was fitted to network" in said()
    with gone(replayed / "model"):
        assert "is neither 'builtin' nor a folder" in said()
    with gone(replayed / "calibration.json"):
        assert "calibration.json: no such file" in said()
    with changed(replayed / "calibration.json"):
        assert "calibration.json: changed since the run" in said()
    assert "no such row was published" in said("nobody")
    assert "no such row was published on 2026-01-06" in said("100", date="2026-01-06")
    assert "the run had 1 models, 2 are named" in said(models=("a", "b"))
    assert said(models=("builtin",)).startswith(("calibration", "model 'builtin'"))


def test_a_byte_changed_in_whatever_a_run_was_made_from_names_it(replayed) -> None:
    assert differing(replayed) == []
    (scores,) = (replayed / "out/scores").rglob("*.parquet")
    for kind, path in (
        ("input", replayed / "comments.parquet"),
        ("model", replayed / "model/model.safetensors"),
        ("calibration", replayed / "calibration.json"),
        ("scores", scores),
    ):
        name = {"model": replayed / "model", "scores": scores.relative_to(replayed / "out")}.get(kind, path)
        with changed(path, at=last_value(path) if kind == "scores" else None):
            assert differing(replayed) == [(kind, str(name))]
    with gone(replayed / "comments.parquet"), gone(replayed / "model"):
        report = verify(replayed / "out", "latest")
        assert report.ok and [one.kind for one in report.checks if one.state == "unchecked"] == ["input", "model"]
    assert differing(replayed) == []


def test_the_texts_of_the_run_are_such_that_something_is_shown() -> None:
    assert LONG in BODIES and len(LONG.split()) > 64  # tokens of the tiny model's window
