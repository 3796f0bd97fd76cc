"""What the published files of a run say in sum: DuckDB over Parquet, in bounded memory, one pass for each question."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moderation.errors import UsageError

BINS = 40  # of equal width, of a histogram of scores
MEMORY = "1GB"
MOST_DAYS = 60  # points of a curve; more days are summed by month
MOST_VALUES = 15  # of a slice, by rows
MOST_NAMES = 15
NAME_LETTERS = 80  # of an entity's text; what is longer is no name


@dataclass(frozen=True)
class Counts:
    """Rows of a part of a run: all, the scored ones, the flagged ones, and those with each label."""

    name: str
    rows: int
    scored: int
    flagged: int
    labels: Mapping[str, int]


@dataclass(frozen=True)
class Histogram:
    """Scored rows by a label's score, `BINS` bins of equal width over [0, 1]."""

    label: str
    counts: Sequence[int]


@dataclass(frozen=True)
class Named:
    """An entity, the scored rows that name it, and those of them that have the label."""

    type: str
    text: str
    rows: int
    labelled: int


class Frame:
    """The labelled files of one run as a table `labelled` of an in-memory database."""

    def __init__(self, connection: Any, labels: Sequence[str]) -> None:
        self.connection, self.labels = connection, tuple(labels)

    def columns(self) -> list[str]:
        """The columns' names."""
        return [row[0] for row in self.ask("DESCRIBE labelled")]

    def ask(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """The rows of an answer."""
        found: list[tuple[Any, ...]] = self.connection.execute(query, list(values)).fetchall()
        return found

    def by(self, column: str, most: int | None = None, shorten: int | None = None) -> list[Counts]:
        """Counts by the values of a column in their order; with `most` the most frequent values, most frequent first.

        `shorten` sums the values that begin with the same letters.
        """
        key = f"coalesce(left(CAST({name(column)} AS VARCHAR), {shorten or 200}), '(null)')"
        labels = ", ".join(f"count(*) FILTER (list_contains(labels, {text(label)}))" for label in self.labels)
        order = f"2 DESC, 1 LIMIT {most}" if most else "1"
        found = self.ask(
            f"SELECT {key}, count(*), count(*) FILTER (status = 'scored'), count(*) FILTER (flagged)"
            f"{', ' if labels else ''}{labels} FROM labelled GROUP BY 1 ORDER BY {order}"
        )
        return [
            Counts(one, rows, scored, flagged, dict(zip(self.labels, given, strict=True)))
            for one, rows, scored, flagged, *given in found
        ]

    def by_date(self) -> list[Counts]:
        """Counts by day, or by month where there are many days; rows without a date stand at the end."""
        days = self.by("date")
        return days if len(days) <= MOST_DAYS else self.by("date", shorten=len("2026-01"))[-MOST_DAYS:]

    def histograms(self) -> list[Histogram]:
        """Each label's scores."""
        scores = ", ".join(
            f"{{'label': {text(label)}, 'score': CAST(scores.{name(label)} AS DOUBLE)}}" for label in self.labels
        )
        rows = self.ask(
            f"SELECT one.label, least({BINS - 1}, CAST(floor(one.score * {BINS}) AS INTEGER)), count(*) "
            f"FROM (SELECT unnest([{scores}]) AS one FROM labelled WHERE status = 'scored') "
            "WHERE one.score IS NOT NULL GROUP BY 1, 2"
        )
        counts = {(label, place): count for label, place, count in rows}
        return [Histogram(label, [counts.get((label, place), 0) for place in range(BINS)]) for label in self.labels]

    def named_beside(self, label: str) -> list[Named]:
        """The entities that most rows with a label name, whatever their case; a row counts once for each."""
        rows = self.ask(
            "SELECT one.type, one.text, count(*), count(*) FILTER (has) AS labelled FROM (SELECT "
            f"list_contains(labels, {text(label)}) AS has, unnest(list_distinct(list_transform(list_filter(entities, "
            f"lambda e: length(trim(e.text)) BETWEEN 1 AND {NAME_LETTERS}), "
            "lambda e: {'type': e.type, 'text': lower(trim(e.text))}))) AS one FROM labelled WHERE status = 'scored') "
            f"GROUP BY 1, 2 HAVING labelled > 0 ORDER BY labelled DESC, 3 DESC, 2, 1 LIMIT {MOST_NAMES}"
        )
        return [Named(*row) for row in rows]


@contextmanager
def open_frame(files: Sequence[Path], labels: Sequence[str], scratch: Path) -> Iterator[Frame]:
    """The files as a frame; what does not fit `MEMORY` goes to the folder `scratch`.

    Raises `UsageError` where the audit extra is not installed or a file is no Parquet.
    """
    try:
        import duckdb
    except ImportError as error:
        raise UsageError("the report needs the audit extra: pip install 'moderation-batch[audit]'") from error
    if not files:
        raise UsageError("the run published no labelled rows: there is nothing to report")
    listed = ", ".join(text(str(file)) for file in files)
    with duckdb.connect() as connection:
        connection.execute(f"SET memory_limit = '{MEMORY}'")
        connection.execute(f"SET temp_directory = {text(str(scratch))}")
        connection.execute("SET preserve_insertion_order = false")
        try:
            connection.execute(
                f"CREATE VIEW labelled AS SELECT * FROM read_parquet([{listed}], hive_partitioning = true, "
                "hive_types_autocast = false)"
            )
        except duckdb.Error as error:
            raise UsageError(f"labelled files: cannot be read ({str(error).splitlines()[0]})") from error
        yield Frame(connection, labels)


def name(column: str) -> str:
    """A name as SQL quotes it."""
    return '"' + column.replace('"', '""') + '"'


def text(value: str) -> str:
    """Text as an SQL literal."""
    return "'" + value.replace("'", "''") + "'"
