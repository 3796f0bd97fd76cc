"""Writes docs/outcomes.md from the cases that the tests run: `python -m tests.hostile.page`."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from moderation.contracts import contract
from tests.hostile import broken_files, odd_files, places
from tests.hostile.bodies import FAMILIES
from tests.hostile.cases import Case
from tests.hostile.corpus import corpus
from tests.hostile.ingested import INGESTED
from tests.hostile.names_and_times import TIMES
from tests.hostile.surroundings import SURROUNDINGS

PAGE = Path(__file__).parents[2] / "docs/outcomes.md"
INTRODUCTION = """# What happens to hostile and broken input

Written by `python -m tests.hostile.page` from the cases that the tests run: a test fails where this page and the
cases differ, and each case is a test that fails where the page and the behaviour differ.

Every run that is refused prints one line that names the file (or the folder) and says what to do, and leaves the
output as it was: nothing is published, nothing half-written stays. Exit codes: 0 done, 2 a mistake of the caller's or a
broken input, 3 refused by the gate, 1 anything else. A retry is safe after any of them.

Broken lines, archives and tables of `moderation ingest` have a table of their own: [ingest.md](ingest.md#outcomes).
Where `privacy` masks personal data, all of this is done to the masked rows, quarantined ones too, and a broken line of
an ingest is withheld: [privacy.md](privacy.md).
"""
ROWS = """
## Rows

A row that cannot be read as a comment goes to `quarantine/` with its reason; the others are published as `scored`,
`skipped` or `failed`. Rows in are rows labelled plus rows in quarantine, each id with its own body, byte by byte. The
run goes on and ends with exit code 0. These {count:,} rows are made by code (`tests/hostile/corpus.py`), and the
outcome of each is checked.

| input | rows | what happens |
|---|---|---|
"""
FILES = """
## {title}

{text}

| input | what happens | exit code |
|---|---|---|
"""
SECTIONS: list[tuple[str, str, list[Case]]] = [
    (
        "Files that are refused before anything is read",
        "Found in the footers, before Spark starts.",
        [*broken_files.FOUND, *odd_files.FOUND],
    ),
    (
        "Files that turn out to be damaged",
        "Found when the rows are read, before any is scored. What is published and scored already stays.",
        broken_files.READ,
    ),
    ("Files that are odd and sound", "And two that the gate refuses.", odd_files.READ),
    (
        "What is called a Parquet file and is none",
        "Nothing is passed over in silence: to leave a file out could be to lose data.",
        places.FOUND,
    ),
    ("Files in odd places", "Links are followed, loops are cut, unfinished files are left alone.", places.LISTED),
]


def cell(text: str) -> str:
    """Text for a cell of a table."""
    return text.replace("|", "\\|").replace("\n", " ")


def row_lines() -> Iterator[str]:
    """A line for each family of rows, in the order of its part of the corpus."""
    counts: dict[tuple[str, str, str, str | None], int] = {}
    for rows in corpus().values():
        for row in rows:
            key = (row.part, row.family, row.status, row.reason)
            counts[key] = counts.get(key, 0) + 1
    order = [family.name for family in FAMILIES]
    for part, family, status, reason in sorted(counts, key=lambda key: (key[0], *place(order, key[1]), key[2])):
        outcome = f"{status}: `{reason}`" if reason else status + DAYS.get(family, "")
        yield f"| {part}: {cell(family)} | {counts[part, family, status, reason]:,} | {outcome} |"


DAYS = dict.fromkeys(TIMES, ", on that day in UTC") | {"no time": ", under `date=unknown`"}


def place(order: list[str], name: str) -> tuple[int, str]:
    return (order.index(name) if name in order else len(order), name)


def case_lines(cases: Iterable[Case]) -> Iterator[str]:
    """A line for each case."""
    for case in cases:
        yield f"| {cell(case.name)} | {cell(happens(case))} | {case.code} |"


def happens(case: Case) -> str:
    """What becomes of a case, in words."""
    if case.code:
        return f"refused: “{case.says}”"
    labelled, quarantined = case.counts
    counts = f"{labelled:,} labelled" + (f", {quarantined:,} in quarantine" if quarantined else "")
    return f"{counts}; {case.why}" if case.why else counts


def page() -> str:
    """The whole page."""
    parts = [INTRODUCTION, ROWS.format(count=sum(map(len, corpus().values()))), *lines(row_lines())]
    parts += ["\nReasons of the quarantine:\n\n| reason | meaning |\n|---|---|\n"]
    parts += lines(f"| `{name}` | {meaning} |" for name, meaning in contract("quarantine")["reasons"].items())
    for title, text, cases in SECTIONS:
        parts += [FILES.format(title=title, text=text), *lines(case_lines(cases))]
    parts.append(FILES.format(title="Surroundings", text="Permissions, file systems, folders inside each other."))
    parts += lines(f"| {name} | refused: “{says}” | {code} |" for name, (code, says) in SURROUNDINGS.items())
    text = "`moderation ingest` never gives up a whole source for a line; what cannot be taken whole is not taken."
    parts.append(FILES.format(title="Dumps", text=text))
    parts += lines(f"| {cell(name)} | {cell(outcome)} | {code} |" for name, outcome, code, _ in INGESTED)
    return "".join(parts)


def lines(found: Iterable[str]) -> list[str]:
    return [f"{line}\n" for line in found]


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
