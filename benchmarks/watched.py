"""A command and all that it starts: its seconds, its processors' seconds, and the most memory of each of its parts."""

import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
INTERVAL = 0.1  # seconds between looks; what a process does after the last look at it is not counted


@dataclass
class Watched:
    """What was seen of a command. Memory in bytes, at its highest; shared pages count for each worker."""

    seconds: float = 0.0
    cpu: dict[int, float] = field(default_factory=dict)
    memory: dict[str, int] = field(default_factory=dict)

    @property
    def cpu_seconds(self) -> float:
        """User and system seconds of all processes."""
        return sum(self.cpu.values())


def watch(command: list[str], log: Path) -> Watched:
    """Runs a command to its end; raises `RuntimeError` with the end of its log where it fails."""
    found, started = Watched(), time.perf_counter()
    with log.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file, start_new_session=True)
    while process.poll() is None:
        look(process.pid, found)
        time.sleep(INTERVAL)
    found.seconds = time.perf_counter() - started
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)}:\n{log.read_text(errors='replace')[-2000:]}")
    return found


def look(session: int, found: Watched) -> None:
    """Notes what the session's processes have used so far."""
    workers = 0
    for process, stat in members(session):
        try:
            command = Path(f"/proc/{process}/cmdline").read_bytes()
            resident = int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        except (OSError, IndexError):
            continue
        found.cpu[process] = (int(stat[11]) + int(stat[12])) / TICK
        part = "jvm" if b"java" in command.split(b"\0")[0] else "workers" if b"pyspark.daemon" in command else "driver"
        if part == "workers":
            workers += resident
        else:
            found.memory[part] = max(found.memory.get(part, 0), resident)
    found.memory["workers"] = max(found.memory.get("workers", 0), workers)


def members(session: int) -> Iterator[tuple[int, list[str]]]:
    """The processes of a session, each with what follows its name in /proc."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                stat = (folder / "stat").read_text().rpartition(") ")[2].split()
            except OSError:
                continue  # gone in the meantime
            if int(stat[3]) == session:
                yield int(folder.name), stat
