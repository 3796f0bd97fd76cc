"""Which rows a second reviewer judges too, and what is left for a reviewer to do."""

from hashlib import sha256
from typing import TYPE_CHECKING, Any

from moderation.audit.design import SampleFolder
from moderation.audit.verdict import Verdict, checked_reviewer
from moderation.audit.verdict_store import SECOND_SHARE, for_reading, for_writing, sampled_rows
from moderation.audit.verdicts import ROW, disagreements, last_words, verdicts
from moderation.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd


def meant_for_two(row_id: str, date: str, seed: int, share: float) -> bool:
    """Whether a row is among the share that two reviewers judge: by its key and the seed alone, so that every process
    says the same, and a larger share holds the rows of a smaller one."""
    digest = sha256(f"{seed}\0{date}\0{row_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64


def second_share(folder: SampleFolder) -> float:
    """The share of the sample's rows that a second reviewer judges."""
    with for_reading(folder) as store:
        found = store.execute("SELECT value FROM about WHERE name = 'second_share'").fetchone() if store else None
    return float(found[0]) if found else SECOND_SHARE


def set_second_share(folder: SampleFolder, share: float) -> None:
    """Changes the share; what was judged stays. Raises `UsageError` for what is no share."""
    if not 0 <= share <= 1:
        raise UsageError(f"--second {share}: must be a share from 0 to 1")
    with for_writing(folder) as store:
        store.execute("UPDATE about SET value = ? WHERE name = 'second_share'", [repr(share)])


def to_do(folder: SampleFolder, reviewer: str, labels: list[str] | None = None) -> "pd.DataFrame":
    """The rows that a reviewer is still to judge, in the sample's random order: columns row_id, date, place.

    A row waits for as many reviewers as it is meant for (two on the seeded share), and one more while they disagree.
    A reviewer is done with a row once they said a word on each of `labels` (those that the sample was drawn for). Two
    reviewers who ask at the same moment may be given the same row.
    """
    import pandas as pd

    design, share = folder.read_design(), second_share(folder)
    reviewer, asked = checked_reviewer(reviewer), labels or design.labels
    rows = pd.DataFrame(sampled_rows(folder), columns=[*ROW, "place"]).sort_values("place", ignore_index=True)
    wanted = rows.apply(lambda row: 1 + meant_for_two(row.row_id, row.date, design.seed, share), axis=1)
    by = done_by(verdicts(folder), asked)
    open_ = set(disagreements(folder)[ROW].itertuples(index=False, name=None))
    keys = list(rows[ROW].itertuples(index=False, name=None))
    waits = [
        reviewer not in by.get(key, ()) and (len(by.get(key, ())) < count or key in open_)
        for key, count in zip(keys, wanted, strict=True)
    ]
    return rows[waits].reset_index(drop=True)


def sample_rows(folder: SampleFolder, reviewer: str | None = None) -> list[dict[str, Any]]:
    """The sampled rows with all their columns, in the order of review; with `reviewer` those that wait for them."""
    import pyarrow.parquet as pq

    sampled_rows(folder)  # says what is wrong with the file
    rows = sorted(pq.read_table(folder.sample, partitioning=None).to_pylist(), key=lambda row: int(row["place"]))
    if reviewer is None:
        return rows
    wanted = set(to_do(folder, reviewer)[ROW].itertuples(index=False, name=None))
    return [row for row in rows if (str(row["id"]), str(row["date"])) in wanted]


def done_by(entries: list[Verdict], labels: list[str]) -> dict[tuple[str, str], set[str]]:
    """The reviewers who said a word on each of the labels of a row, by the row's id and date."""
    words = last_words(entries)
    said = words[words.label.isin(labels)].groupby([*ROW, "reviewer"]).label.nunique()
    found: dict[tuple[str, str], set[str]] = {}
    for row_id, date, name in said[said == len(set(labels))].index:
        found.setdefault((row_id, date), set()).add(name)
    return found
