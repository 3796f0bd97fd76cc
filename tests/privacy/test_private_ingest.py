"""An ingest with privacy writes nothing of what was planted, broken lines included, and says what it did."""

import json
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet
from typer.testing import CliRunner

from moderation.cli import app
from moderation.privacy.authors import HASHED
from tests.commands import moderation
from tests.privacy.planted import ACCOUNT, AUTHOR, CARD, EMAIL, KEY, NEEDLES, PHONE, TEXT, found_in

ROW = {"id": "c1", "body": TEXT, "author": AUTHOR, "author_fullname": ACCOUNT, "created_utc": 1767571200}
LINES = [
    json.dumps(ROW),
    json.dumps(ROW | {"id": "c2", "body": "nothing here", "author_flair_text": EMAIL}),
    json.dumps(ROW | {"id": "c3", "body": "[deleted]", "author": "[deleted]", "author_fullname": None}),
    json.dumps(ROW | {"id": None}),
    json.dumps(ROW | {"id": "c4"})[:-40],
    json.dumps(ROW).replace("@", "\\u0040") + "]",
    json.dumps({"id": "s1", "title": f"call {PHONE}", "selftext": f"pay {CARD}", "author": AUTHOR, "url": EMAIL}),
]


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    path = tmp_path / "in/mixed.ndjson"
    path.write_text("\n".join(LINES) + "\n", encoding="utf-8")
    return path


def ingest(source: Path, output: Path, privacy: str) -> str:
    """Ingests in this process; returns what the command prints."""
    done = CliRunner().invoke(app, ["ingest", str(source), "--output", str(output), "--privacy", privacy])
    assert done.exit_code == 0, done.output
    return done.output


def rows(output: Path) -> dict[str, dict]:
    files = output.glob("date=*/*.parquet")
    return {row["id"]: row for file in files for row in parquet.ParquetFile(file).read().to_pylist()}


def test_nothing_that_was_planted_is_written_and_the_record_counts_it(dump: Path, tmp_path: Path) -> None:
    plain = moderation("ingest", dump, "--output", tmp_path / "plain")
    assert plain.returncode == 0 and {needle for _, needle in found_in(tmp_path / "plain")} == {*NEEDLES}
    done = moderation(
        *("ingest", dump, "--output", tmp_path / "out", "--privacy", "hash_author,mask_pii"), MODERATION_PRIVACY_KEY=KEY
    )
    assert done.returncode == 0, done.stderr
    assert found_in(tmp_path / "out", KEY) == []
    found = rows(tmp_path / "out")
    assert found["c1"]["body"] == "Write [EMAIL], call [PHONE], ssh [IP] or [IP], pay [CARD] you idiot"
    assert found["t3_s1"]["body"] == "call [PHONE]\n\npay [CARD]" and found["t3_s1"]["url"] == "[EMAIL]"
    assert found["c1"]["author"] == found["c2"]["author"] == found["t3_s1"]["author"] != found["c3"]["author"]
    assert HASHED.fullmatch(found["c1"]["author"]) and found["c3"]["author"] == "[deleted]"
    (record,) = [json.loads(path.read_text()) for path in (tmp_path / "out/_ingest").glob("*.json")]
    assert record["masked"] == {"rows": 3, "author": 3, "email": 3, "card": 2, "ip": 2, "phone": 2}
    assert record["quarantined"] == 3 and "privacy: 3 rows changed (author 3, email 3" in done.stdout
    for path in (tmp_path / "out/_quarantine").glob("*.parquet"):
        assert {row["raw"] for row in parquet.ParquetFile(path).read().to_pylist()} == {"[withheld for privacy]"}


def test_other_settings_are_another_ingest_and_the_same_are_none(dump: Path, tmp_path: Path) -> None:
    for privacy, what in [("mask_pii", "ingested"), ("mask_pii", "nothing to do"), ("drop_author", "replaced")]:
        assert what in ingest(dump, tmp_path / "out", privacy)
    assert {row["author"] for row in rows(tmp_path / "out").values()} == {None}


def test_tables_are_ingested_as_privately(tmp_path: Path) -> None:
    table = pa.table({"id": ["1", None], "body": [TEXT, TEXT], "author": [AUTHOR, AUTHOR]})
    parquet.write_table(table, tmp_path / "t.parquet")
    (tmp_path / "t.csv").write_text(f'id,body,author\n1,"{TEXT}",{AUTHOR}\n2,{TEXT}\n', encoding="utf-8")
    for name in ("t.parquet", "t.csv"):
        output = tmp_path / f"out-{name}"
        assert "quarantined" in ingest(tmp_path / name, output, "drop_author,mask_pii")
        assert found_in(output) == []


def test_without_a_key_nothing_is_written_and_one_line_says_how_to_make_one(dump: Path, tmp_path: Path) -> None:
    done = moderation("ingest", dump, "--output", tmp_path / "out", "--privacy", "hash_author")
    assert (done.returncode, (tmp_path / "out").exists()) == (2, False)
    assert "openssl rand -hex 32" in done.stderr and done.stderr.count("\n") == 1
