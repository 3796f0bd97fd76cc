"""A copy that kills itself before its n-th call that changes HDFS: `python -m tests.hdfs.killed_copy OUTPUT TO N`."""

import os
import signal
import sys
from pathlib import Path
from types import FrameType

from moderation.runs.mirror.hdfs import Hdfs
from moderation.runs.mirror.mirror import mirror

CHANGING = {Hdfs.write.__code__, Hdfs.rename.__code__, Hdfs.make.__code__, Hdfs.remove.__code__}


def main(output: str, to: str, step: str) -> None:
    """Copies, up to that call."""
    left = int(step)

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal left
        left -= event == "call" and frame.f_code in CHANGING
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(count)
    mirror(Path(output), to, "parquet")


if __name__ == "__main__":
    main(*sys.argv[1:])
