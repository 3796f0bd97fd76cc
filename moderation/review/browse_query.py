"""Questions to an index: the rows of a page, how many there are, and what they have in common."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from moderation.review.browse_columns import PREFIX
from moderation.review.browse_filter import Filter, column, where
from moderation.review.browse_index import connected, fresh, index_path, ordered_files

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

PAGE = 50
SHOWN = 30  # values of a facet
REMEMBERED = 200  # filters whose counts are kept


@dataclass(frozen=True)
class Facets:
    """How many rows there are, and for each kind its values with their counts, the most frequent first."""

    rows: int
    values: Mapping[str, list[tuple[str, int]]]
    more: Mapping[str, int]


@dataclass
class Index:
    """An open index: the run's files in their order, the first row's number in each, and the numbers of its names."""

    store: "DuckDBPyConnection"
    files: list[tuple[str, Path]]
    first: list[int]
    rows: int
    numbers: dict[str, dict[str, int]]
    counted: dict[tuple[str, tuple[Any, ...]], Facets] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)

    def ask(self, sql: str, values: list[Any] | None = None) -> list[tuple[Any, ...]]:
        """The answer to a question, in a cursor of its own: any number of threads may ask."""
        with self.store.cursor() as cursor:
            found: list[tuple[Any, ...]] = cursor.execute(sql, values or []).fetchall()
            return found

    def name(self, kind: str, number: int | None) -> str:
        """The name with a number."""
        names = names_by_number(self, kind)
        return names.get(number, "") if number is not None else ""


def names_by_number(index: Index, kind: str) -> dict[int, str]:
    """The names of a kind by their number."""
    return {number: name for name, number in index.numbers.get(kind, {}).items()}


def open_index(output: Path, manifest: dict[str, Any]) -> Index | None:
    """The index of a run, None where it is still to be made. Opened once by a process, while its file is the same."""
    path = index_path(output, manifest["run_id"])
    with OPENING:
        try:
            state = path.stat()
        except OSError:
            return None
        file = state.st_ino, state.st_mtime_ns
        if path in OPEN and OPEN[path][0] == file:
            return OPEN[path][1]
        if path in OPEN:
            OPEN.pop(path)[1].store.close()
        if not fresh(path, manifest):
            return None
        found = opened(path, ordered_files(output, manifest))
        OPEN[path] = file, found
        return found


OPEN: dict[Path, tuple[tuple[int, int], Index]] = {}  # the indexes of this process: file and index by path
OPENING = Lock()


def opened(path: Path, files: list[tuple[str, Path]]) -> Index:
    """An index that is fresh, with its names in memory."""
    store = connected(path)
    numbers: dict[str, dict[str, int]] = {kind: {} for kind in (*PREFIX, "date", "action", "subreddit")}
    for kind, number, name in store.execute("SELECT kind, number, name FROM names ORDER BY number").fetchall():
        numbers[kind][name] = number
    first = [first for (first,) in store.execute("SELECT first FROM files ORDER BY number").fetchall()]
    (rows,) = store.execute("SELECT count(*) FROM rows").fetchone() or (0,)
    return Index(store, files, first, rows, numbers)


def numbers_of(index: Index, wanted: Filter, most: int = PAGE) -> list[int]:
    """The numbers of the next rows, at most so many, after the one that the filter names.

    Rows come in the order of their numbers; with `sort` by score, highest first, equal ones by number. Either order is
    total and the index never changes, so that pages neither skip nor double a row.
    """
    condition, values = where(wanted, index.numbers)
    if not wanted.sort:
        after = -1 if wanted.after is None else wanted.after
        asked = f"SELECT n FROM rows WHERE {condition} AND n > ? ORDER BY n LIMIT ?"
        return [n for (n,) in index.ask(asked, [*values, after, most])]
    score = column("score", wanted.sort, index.numbers)
    condition = f"{condition} AND {score} IS NOT NULL"
    if wanted.after is not None:
        last = index.ask(f"SELECT {score} FROM rows WHERE n = ?", [wanted.after])
        if not last or last[0][0] is None:
            return []
        condition += f" AND ({score} < CAST(? AS FLOAT) OR ({score} = CAST(? AS FLOAT) AND n > ?))"
        values += [last[0][0], last[0][0], wanted.after]
    asked = f"SELECT n FROM rows WHERE {condition} ORDER BY {score} DESC, n LIMIT ?"
    return [n for (n,) in index.ask(asked, [*values, most])]


def known_at(index: Index, numbers: list[int]) -> dict[int, dict[str, Any]]:
    """What the index knows of rows, by number: labels, scores by label, rules, entity types, action, subreddit."""
    kinds = {
        kind: [(name, f"{PREFIX[kind]}{number}") for name, number in index.numbers[kind].items()] for kind in PREFIX
    }
    columns = ["n", "scored", "action", "subreddit", *(name for pairs in kinds.values() for _, name in pairs)]
    marks = ", ".join("?" * len(numbers)) or "NULL"
    found = {}
    for line in index.ask(f"SELECT {', '.join(columns)} FROM rows WHERE n IN ({marks})", numbers):
        row = dict(zip(columns, line, strict=True))
        has = {kind: [name for name, column in pairs if row[column]] for kind, pairs in kinds.items()}
        found[row["n"]] = {
            "n": row["n"],
            "scored": row["scored"],
            "action": index.name("action", row["action"]),
            "subreddit": index.name("subreddit", row["subreddit"]),
            "labels": has["label"],
            "rules": has["rule"],
            "types": has["entity"],
            "scores": {name: row[column] for name, column in kinds["score"]},
        }
    return found


def facets(index: Index, wanted: Filter) -> Facets:
    """What the rows of a filter have in common, the text that is searched for left aside; remembered."""
    condition, values = where(wanted, index.numbers)
    key = condition, tuple(values)
    with index.lock:
        if found := index.counted.get(key):
            return found
    found = counted(index, condition, values)
    with index.lock:
        while len(index.counted) >= REMEMBERED:
            index.counted.pop(next(iter(index.counted)))
        index.counted[key] = found
    return found


def counted(index: Index, condition: str, values: list[Any]) -> Facets:
    """`facets`, by going over the rows: once for what is there or not, once for each column of numbers."""
    kinds = ("label", "rule", "entity")
    flags = [(kind, name, f"{PREFIX[kind]}{number}") for kind in kinds for name, number in index.numbers[kind].items()]
    sums = "".join(f", count_if({name})" for _, _, name in flags)
    (line,) = index.ask(f"SELECT count(*){sums} FROM rows WHERE {condition}", values)
    found: dict[str, Counter[str]] = {kind: Counter() for kind in (*kinds, "action", "subreddit", "date")}
    for (kind, name, _), count in zip(flags, line[1:], strict=True):
        found[kind][name] = count
    for kind in ("action", "subreddit", "date"):
        groups = index.ask(f"SELECT {kind}, count(*) FROM rows WHERE {condition} GROUP BY {kind}", values)
        names = names_by_number(index, kind)
        found[kind].update({names[number]: count for number, count in groups if number in names})
    ordered = {kind: in_order(kind, counts) for kind, counts in found.items()}
    shown = {kind: pairs if kind == "date" else pairs[:SHOWN] for kind, pairs in ordered.items()}
    return Facets(line[0], shown, {kind: len(ordered[kind]) - len(shown[kind]) for kind in ordered})


def in_order(kind: str, counts: Counter[str]) -> list[tuple[str, int]]:
    """Values that are there: days in their order, others by how many rows have them."""
    there = [(name, count) for name, count in counts.items() if count]
    return sorted(there) if kind == "date" else sorted(there, key=lambda pair: (-pair[1], pair[0]))


def find_row(index: Index, row_id: str, date: str) -> list[int]:
    """The numbers of the rows that may have an id on a date: by a digest, so that the id itself is to be looked at."""
    day = index.numbers["date"].get(date)
    asked = "SELECT n FROM rows WHERE key = md5_number_lower(encode(?)) AND date = ? ORDER BY n"
    return [n for (n,) in index.ask(asked, [row_id, -1 if day is None else day])]
