"""The live line: there for a person at a terminal, absent for a log file."""

import os
import pty
import re
import subprocess
import sys
import threading

from tests.commands import ROOT
from tests.dumps import comment, write_dump


def run_at_a_terminal(command: list[str], folder) -> str:
    """Runs a command whose standard error is a terminal; returns what that terminal showed."""
    main, terminal = pty.openpty()
    shown: list[bytes] = []

    def read() -> None:
        while True:
            try:
                shown.append(os.read(main, 65536))
            except OSError:  # the terminal is closed: the command is done
                return

    reader = threading.Thread(target=read)
    process = subprocess.Popen(
        command,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=terminal,
        env=os.environ | {"PYTHONPATH": str(ROOT), "TERM": "xterm-256color", "COLUMNS": "120"},
    )
    os.close(terminal)
    reader.start()
    process.communicate(timeout=600)
    reader.join()
    os.close(main)
    assert process.returncode == 0
    return b"".join(shown).decode(errors="replace")


def test_the_line_shows_rows_done_of_all_rows_and_the_rate(tiny_model, tmp_path) -> None:
    rows = [comment(str(number), f"comment number {number}") for number in range(8000)]
    dump = write_dump(tmp_path / "dump.parquet", rows)
    command = [sys.executable, "-m", "moderation", "run", "--input", str(dump), "--output", "out"]
    shown = run_at_a_terminal([*command, "--model", str(tiny_model)], tmp_path)
    done = [int(found.replace(",", "")) for found in re.findall(r"([\d,]+)/8,000 rows", shown)]
    assert done[0] == 0
    assert done == sorted(done)
    assert done[-1] == 8000  # however fast it was
    assert re.search(r"[\d,]+ rows/s", shown)
