"""What readers see below an output folder, and what a run leaves there."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pyarrow import parquet

TREES = ("labelled", "quarantine")
TOLERANCE = 1e-2  # of a score
State = dict[tuple[str, str], list[dict[str, Any]]]  # tree and date → its rows in order, whoever wrote them
KEPT = {".lock", ".digests.json", ".versions"}  # hidden names that stand in an output at rest


def visible(output: Path) -> State:
    """The rows of every date, as anybody finds them who lists the folders; each date is of one run, or this fails."""
    found: State = {}
    for tree in TREES:
        for folder in sorted((output / tree).glob("date=*")):
            files = [parquet.ParquetFile(file).read() for file in sorted(folder.glob("*.parquet"))]
            rows = [row for file in files for row in file.to_pylist()]
            runs = {row.pop("run_id") for row in rows}
            assert len(runs) == 1, f"readers find rows of {len(runs)} runs in {tree}/{folder.name}"
            found[tree, folder.name] = sorted(rows, key=lambda row: (row.get("id") or "", row.get("row") or 0))
    return found


def is_whole(found: State, states: list[State]) -> bool:
    """Whether every date is as one of these states has it, and none is missing that all of them have."""
    always = set.intersection(*(set(state) for state in states))
    days = (any(day in state and alike(rows, state[day]) for state in states) for day, rows in found.items())
    return always <= set(found) and all(days)


def differences(found: State, wanted: State) -> list[str]:
    """The dates and columns in which two states differ, in words without any text of the rows."""
    said = [f"{'/'.join(day)}: only in one of them" for day in found.keys() ^ wanted.keys()]
    for day in found.keys() & wanted.keys():
        if len(found[day]) != len(wanted[day]):
            said.append(f"{'/'.join(day)}: {len(found[day])} rows, not {len(wanted[day])}")
        pairs = zip(found[day], wanted[day], strict=False)
        columns = {name for one, other in pairs for name in one if not alike(one[name], other.get(name))}
        said += [f"{'/'.join(day)}: {name}" for name in sorted(columns)]
    return said


def alike(one: Any, other: Any) -> bool:
    """Equal to the last bit, but for scores: a text that a worker remembers was computed beside other texts."""
    if one == other:
        return True
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other) <= TOLERANCE
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(alike(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(alike, one, other))
    return False


def identifiers(state: State) -> list[str]:
    """All published ids, as often as they are there."""
    return [row["id"] for (tree, _), rows in state.items() if tree == "labelled" for row in rows]


def rows_in(state: State) -> int:
    """All rows, of both trees."""
    return sum(map(len, state.values()))


def stored_shards(output: Path) -> dict[str, tuple[int, int]]:
    """The score store's files; a file that is written again changes its inode or its time."""
    found = {}
    for path in (output / "scores").glob("*/*/[0-9]*.parquet"):
        stat = path.stat()
        found[str(path)] = (stat.st_ino, stat.st_mtime_ns)
    return found


def in_the_making(output: Path) -> list[Path]:
    """Shards that were being written."""
    return list((output / "scores").glob("*/*/.*"))


def temporaries(output: Path) -> Iterator[str]:
    """Files and folders that should not stand in an output at rest."""
    for path in output.rglob("*"):
        inside = path.relative_to(output).parts
        if inside[0] in KEPT or (inside[0] == "runs" and "data_docs" in inside):
            continue
        if inside[-1].startswith((".", "_")) or inside[-1] in ("publish.json",) or inside[-1].endswith(".crc"):
            yield str(path.relative_to(output))
