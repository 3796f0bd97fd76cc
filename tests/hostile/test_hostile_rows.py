"""Every row of the corpus has the outcome that it was made for, and its own body, and nobody else's answer."""

import hashlib
import random
from collections import Counter
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from moderation.runs.publish import published_files
from tests.hostile.corpus import Row, corpus

pytestmark = pytest.mark.slow
ANSWERS = ("status", "status_reason", "text_sha256", "entities", "evidence", "scores", "flagged", "labels", "input_row")
SAMPLE = 300  # rows whose scores are compared with those of a model that sees them alone


def rows_of(output: Path, tree: str, columns: list[str]) -> list[dict[str, Any]]:
    """Published rows; bytes that are no UTF-8, which only `author` may hold, come as bytes."""
    found = []
    for file in published_files(output, tree):
        table = parquet.ParquetFile(file).read(columns=columns)
        if "author" in columns:
            table = table.set_column(
                table.schema.get_field_index("author"), "author", table["author"].cast(pa.binary())
            )
        day = file.parent.name.removeprefix("date=")
        found += [row | {"date": day} for row in table.to_pylist()]
    return found


@pytest.fixture(scope="module")
def labelled(published) -> dict[str, dict[str, Any]]:
    columns = ["id", "body", "author", "row_number", *ANSWERS[:-1]]
    rows = rows_of(published.output, "labelled", columns)
    assert len({row["id"] for row in rows}) == len(rows)
    return {row["id"]: row for row in rows}


@pytest.fixture(scope="module")
def quarantined(published) -> dict[tuple[str, int], dict[str, Any]]:
    rows = rows_of(published.output, "quarantine", ["source_file", "row", "reason", "raw"])
    return {(unquote(row["source_file"]).rsplit("/", 1)[1], row["row"]): row for row in rows}


@lru_cache(maxsize=1)
def made() -> list[tuple[str, int, Row]]:
    return [(name, number, row) for name, rows in corpus().items() for number, row in enumerate(rows)]


@lru_cache(maxsize=1)
def sound() -> dict[str, Row]:
    """The rows that are to be labelled, by their ids."""
    return {row.id.decode(): row for _, _, row in made() if row.status != "quarantined" and row.id is not None}


def test_the_corpus_is_large_and_its_sound_ids_are_unique() -> None:
    assert len(made()) >= 10_000
    assert len(sound()) == sum(row.status != "quarantined" for _, _, row in made())
    assert {row.status for _, _, row in made()} == {"scored", "skipped", "failed", "quarantined"}


def test_rows_in_are_rows_labelled_and_rows_quarantined(published, labelled, quarantined) -> None:
    assert len(labelled) + len(quarantined) == len(made())
    counts = published.manifest.counts
    expected = Counter(row.status for _, _, row in made())
    assert {name: counts[name] for name in ("scored", "skipped", "failed", "quarantined")} == expected
    assert counts["rows_in"] == len(made())


def test_every_row_in_quarantine_is_one_that_belongs_there_for_its_reason(quarantined) -> None:
    expected = {(name, number): row.reason for name, number, row in made() if row.status == "quarantined"}
    assert {place: row["reason"] for place, row in quarantined.items()} == expected


def test_every_other_row_has_its_own_body_status_and_day(labelled) -> None:
    assert labelled.keys() == sound().keys()
    wrong = [
        (row.family, row.created_utc, found["status"], found["status_reason"], found["date"])
        for id, row in sound().items()
        for found in [labelled[id]]
        if found["body"].encode() != row.body
        or (found["status"], found["status_reason"], found["date"]) != (row.status, row.reason, row.date)
    ]
    assert not wrong


def test_ids_that_carry_a_digest_of_their_body_still_stand_beside_it(labelled) -> None:
    pairs = [id.split("-") for id, row in sound().items() if row.part != "ids"]
    assert len(pairs) > 9000
    for (number, digest), id in zip(pairs, ("-".join(pair) for pair in pairs), strict=True):
        assert hashlib.sha256(labelled[id]["body"].encode()).hexdigest().startswith(digest), number


def test_the_digest_is_of_the_text_that_was_scored(labelled) -> None:
    for found in labelled.values():
        assert found["text_sha256"] == hashlib.sha256(found["body"].encode()).hexdigest()


def test_other_columns_are_carried_through_byte_by_byte(labelled) -> None:
    rows = {
        row.id.decode(): (number, row.author) for _, number, row in made() if row.status != "quarantined" and row.id
    }
    assert {id: (found["row_number"], found["author"]) for id, found in labelled.items()} == rows


def test_spans_are_exact(labelled) -> None:
    spans = 0
    for found in labelled.values():
        for span in found["entities"] or []:
            spans += 1
            assert found["body"][span["start"] : span["end"]] == span["text"] != ""
        if found["evidence"]:
            assert 0 <= found["evidence"]["start"] < found["evidence"]["end"] <= len(found["body"])
    assert spans > 1000


def test_only_scored_rows_have_scores_and_all_of_them_are_probabilities(labelled) -> None:
    for found in labelled.values():
        scores = list((found["scores"] or {}).values())
        assert bool(scores) == (found["status"] == "scored")
        assert all(0 <= score <= 1 for score in scores)


def test_answers_are_those_of_a_model_that_sees_each_text_alone(published, labelled) -> None:
    import moderation

    moderator = moderation.load(str(published.model), precision="fp32")
    short = [id for id, row in sound().items() if row.status == "scored" and len(row.body or b"") < 2000]
    for id in random.Random(1).sample(short, SAMPLE):
        (alone,) = moderator.score([labelled[id]["body"]])
        found = labelled[id]
        assert np.allclose(list(found["scores"].values()), list(alone.scores.values()), atol=2e-3), sound()[id].family
        assert [(span["start"], span["end"]) for span in found["entities"]] == [
            (span.start, span.end) for span in alone.entities
        ]


def test_nothing_that_people_wrote_is_in_the_manifest_or_the_data_docs(published) -> None:
    marks = [b"DROP TABLE", b"passwd", b"onerror", b"Angela Merkel"]
    for file in (published.output / "runs").rglob("*"):
        content = file.read_bytes() if file.is_file() and file.suffix in (".json", ".html") else b""
        assert not [mark for mark in marks if mark in content], file
