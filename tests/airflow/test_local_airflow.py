"""An Airflow on this machine: no process outlives it, and its processes share one SQLite file."""

import importlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT

KEEPER = str(ROOT / "airflow" / "keeper.py")
HOLDER = """
import subprocess, sys, time
subprocess.Popen([sys.executable, *sys.argv[1:]], stdin=subprocess.PIPE, start_new_session=True)
time.sleep(600)
"""


def sleepers(seconds: str) -> list[int]:
    """The processes that sleep so long."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "cmdline").read_bytes() == f"sleep\0{seconds}\0".encode():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def until(condition: Any, seconds: float = 60) -> bool:
    end = time.monotonic() + seconds
    while not (found := condition()) and time.monotonic() < end:
        time.sleep(0.1)
    return bool(found)


def test_nothing_stays_where_the_one_who_started_it_is_killed() -> None:
    seconds = f"599.{os.getpid()}"
    command = f"setsid sleep {seconds} & sh -c 'trap \"\" TERM; exec sleep {seconds}' & sleep {seconds}"
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, KEEPER, "sh", "-c", command])
    assert until(lambda: len(sleepers(seconds)) == 3), "one has its own session, one ignores SIGTERM"
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert until(lambda: not sleepers(seconds)), sleepers(seconds)


def test_the_keeper_ends_with_its_command_and_says_how_that_ended() -> None:
    seconds = f"598.{os.getpid()}"
    command = [sys.executable, KEEPER, "sh", "-c", f"setsid sleep {seconds} & exit 7"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as keeper:
        assert keeper.wait(60) == 7
    assert not sleepers(seconds)


def test_a_transaction_that_begins_by_a_savepoint_waits_for_its_turn_to_write(tmp_path: Path) -> None:
    from sqlalchemy import create_engine, text

    importlib.import_module("airflow_local_settings")
    path = tmp_path / "shared.db"
    other = sqlite3.connect(path, timeout=0.1, isolation_level=None)
    other.execute("PRAGMA journal_mode=WAL")
    other.execute("CREATE TABLE runs (id INTEGER)")

    with create_engine(f"sqlite:///{path}?timeout=0.1").connect() as connection:
        with connection.begin_nested():
            assert connection.execute(text("SELECT count(*) FROM runs")).scalar() == 0
            with pytest.raises(sqlite3.OperationalError, match="database is locked"):
                other.execute("INSERT INTO runs VALUES (1)")
            connection.execute(text("INSERT INTO runs VALUES (2)"))
        with connection.begin_nested():
            connection.execute(text("INSERT INTO runs VALUES (3)"))
        assert other.execute("SELECT count(*) FROM runs").fetchall() == [(0,)], "whole or nothing"
        connection.commit()

    other.execute("INSERT INTO runs VALUES (4)")
    assert other.execute("SELECT count(*) FROM runs").fetchall() == [(3,)]
