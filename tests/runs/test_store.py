"""The score store: a shard's scores are there whole, or not at all."""

import logging
import os
import signal
import subprocess
import sys

import pyarrow as pa
import pytest
from pyarrow import parquet

from moderation.runs.store import DamagedScores, Store, clean, commit, missing, stored, unfinished
from tests.commands import ROOT
from tests.runs.shard_files import SCHEMA, answers, numbered, shards, write_table

WORK = {"rows": 1000}


@pytest.fixture
def store(tmp_path) -> Store:
    return Store(tmp_path / "out", "key")


@pytest.fixture
def pieces(tmp_path):
    return shards(write_table(tmp_path / "a.parquet", numbered(3000)))


def test_what_was_committed_is_found_and_read_back_in_order(store, pieces) -> None:
    commit(store, pieces[1], SCHEMA, answers(1000), {"precision": "fp32"}, WORK)
    assert missing(store, pieces) == [pieces[0], pieces[2]]
    found = stored(store, pieces[1])
    assert found["tokens"].to_pylist() == [*range(500), *range(500)]
    assert store.path(pieces[1]) == store.output / "scores/key" / pieces[1].sha256 / "000001000-000002000.parquet"


def test_the_metadata_says_what_the_scores_are_of(store, pieces) -> None:
    commit(store, pieces[0], SCHEMA, answers(1000), {"models": ["m"]}, WORK)
    said = parquet.read_metadata(store.path(pieces[0])).metadata[b"moderation"].decode()
    for word in (pieces[0].sha256, '"start": 0', '"stop": 1000', '"scores_key": "key"', '"models": ["m"]', '"rows"'):
        assert word in said


def test_a_commit_that_fails_leaves_nothing(store, pieces) -> None:
    def half():
        yield answers(1000)[0]
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        commit(store, pieces[0], SCHEMA, half(), {}, WORK)
    with pytest.raises(DamagedScores, match="500 rows were scored"):
        commit(store, pieces[0], SCHEMA, answers(1000)[:1], {}, WORK)
    assert missing(store, pieces) == pieces
    assert not [path for path in store.folder.rglob("*") if path.is_file()]


def test_a_retried_commit_changes_nothing(store, pieces) -> None:
    for _ in range(2):
        commit(store, pieces[0], SCHEMA, answers(1000), {}, WORK)
    assert [path.name for path in store.folder.rglob("*.parquet")] == [store.path(pieces[0]).name]
    assert stored(store, pieces[0]).num_rows == 1000


KILLED = """
import sys, time
from pathlib import Path
from moderation.runs.store import Store, commit
from tests.runs.shard_files import SCHEMA, answers, shards

def slowly():
    yield from answers(1000)
    print("written", flush=True)
    time.sleep(60)

commit(Store(Path(sys.argv[2]), "key"), shards(Path(sys.argv[1]))[0], SCHEMA, slowly(), {}, {})
"""


def test_a_kill_between_writing_and_renaming_leaves_nothing_that_counts(store, pieces) -> None:
    command = [sys.executable, "-c", KILLED, pieces[0].path, str(store.output)]
    dying = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)})
    assert dying.stdout is not None
    assert dying.stdout.readline() == "written\n"
    os.kill(dying.pid, signal.SIGKILL)
    dying.wait(10)
    dying.stdout.close()
    assert len(list(unfinished(store.output))) == 1
    assert missing(store, pieces) == pieces
    clean(store.output)
    assert not list(unfinished(store.output))


def spoil(content: bytearray) -> bytes:
    content[40:120] = b"\xab" * 80
    return bytes(content)


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda content: content[:-20], "cannot be read"),
        (lambda content: b"", "cannot be read"),
        (lambda content: b"no parquet at all", "cannot be read"),
    ],
)
def test_a_file_that_is_no_parquet_is_thrown_away_with_a_warning(store, pieces, caplog, harm, said) -> None:
    commit(store, pieces[0], SCHEMA, answers(1000), {}, WORK)
    path = store.path(pieces[0])
    path.write_bytes(harm(path.read_bytes()))
    with caplog.at_level(logging.WARNING):
        assert missing(store, pieces) == pieces
    assert said in caplog.text and str(path) in caplog.text
    assert not path.exists()


def test_scores_of_another_shard_or_of_too_few_rows_are_thrown_away(store, pieces, caplog) -> None:
    commit(store, pieces[0], SCHEMA, answers(1000), {}, WORK)
    store.path(pieces[0]).rename(store.path(pieces[1]))
    store.path(pieces[2]).write_bytes(b"")
    parquet.write_table(pa.table({"status": ["scored"] * 7}), store.path(pieces[2]))
    with caplog.at_level(logging.WARNING):
        assert missing(store, pieces) == pieces
    assert "its metadata has another start" in caplog.text
    assert "it has 7 rows, not 1,000" in caplog.text


def test_damage_to_a_page_is_met_when_the_scores_are_read_or_looked_for(store, pieces) -> None:
    commit(store, pieces[0], SCHEMA, answers(1000), {}, WORK)
    path = store.path(pieces[0])
    path.write_bytes(spoil(bytearray(path.read_bytes())))
    assert missing(store, pieces[:1]) == []
    with pytest.raises(DamagedScores, match=r"a\.parquet rows 0 to 1,000"):
        stored(store, pieces[0])
    assert missing(store, pieces[:1], thorough=True) == pieces[:1]


def test_other_keys_and_other_outputs_share_nothing(store, pieces, tmp_path) -> None:
    commit(store, pieces[0], SCHEMA, answers(1000), {}, WORK)
    for other in (Store(store.output, "other"), Store(tmp_path / "elsewhere", "key")):
        assert missing(other, pieces) == pieces
