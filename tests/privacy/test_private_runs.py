"""A run with privacy: of what was planted nothing is in any file, whatever became of the row, and all else follows."""

import json
import logging
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from moderation.audit.replay import Wish, replay
from moderation.config import Config
from moderation.errors import GateRefused, UsageError
from moderation.pipeline import moderate
from moderation.privacy.authors import HASHED
from moderation.privacy.settings import KEY_VARIABLE
from moderation.redecide import decide
from moderation.runs.summary import summary_rows
from tests.dumps import read_rows, text_array
from tests.privacy.planted import ACCOUNT, AUTHOR, EMAIL, KEY, NEEDLES, PHONE, TEXT, found_in

BOTH = ["hash_author", "mask_pii"]
TIME = "2026-01-05T00:00:00Z"
MASKED = "Write [EMAIL], call [PHONE], ssh [IP] or [IP], pay [CARD] you idiot"
POLICY = """
thresholds: {offensive: 0, toxicity: 1, severe_toxicity: 1, obscene: 1, threat: 1, insult: 1, identity_attack: 1}
rules:
  - {name: contact, when: "body LIKE '%[EMAIL]%'", action: review, severity: low}
"""


def row(id_: str | None, body: str | bytes | None, created: str = TIME, author: str | None = AUTHOR) -> dict[str, Any]:
    raw = body.encode() if isinstance(body, str) else body
    return {"id": id_, "body": raw, "created_utc": created, "author": author}


ROWS = [
    row("scored", TEXT),
    row("long", f"Angela Merkel was in Paris. {TEXT}. " * 12),
    row("plain", "nothing to hide in Paris"),
    row("skipped", "[deleted]"),
    row("nobody", "quite", author="[deleted]"),
    row(None, TEXT),
    row("time", TEXT, f"soon, says {EMAIL}"),
    row("bytes", b"\xff" + TEXT.encode()),
    row("nothing", None),
]


def dump(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Rows as one Parquet file, with what was planted in more columns, in one of structs too."""
    from pyarrow import parquet

    columns = {name: pa.array([one[name] for one in rows], pa.string()) for name in ("id", "created_utc", "author")}
    columns["body"] = text_array([one["body"] for one in rows])
    columns["author_fullname"] = pa.repeat(ACCOUNT, len(rows))
    columns["title"] = pa.repeat(f"call {PHONE}", len(rows))
    columns["meta"] = pa.array([{"tags": [EMAIL, None], "score": 1}] * len(rows))
    columns["link_id"] = pa.repeat("t3_4155552671", len(rows))
    parquet.write_table(pa.table(columns), path)
    return path


def settings(folder: Path, model: Path, **more: Any) -> Config:
    (folder / "policy.yaml").write_text(POLICY, encoding="utf-8")
    made = {"models": str(model), "precision": "fp32", "policy": str(folder / "policy.yaml"), "output": folder / "out"}
    loose = {"gate": {"max_quarantined": 0.9}, "privacy": BOTH, "input": [folder / "in.parquet"]}
    return Config(**(made | loose | more))


@pytest.fixture(scope="module")
def ran(spark, tiny_model, tmp_path_factory):
    """A run that was published and one that the gate refused, what they logged, and their settings."""
    folder = tmp_path_factory.mktemp("private")
    logged: list[str] = []
    handler = logging.Handler(0)
    handler.emit = lambda record: logged.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger().addHandler(handler)
    dump(folder / "in.parquet", ROWS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(KEY_VARIABLE, KEY)
        logging.getLogger("moderation").setLevel(logging.INFO)
        manifest = moderate(settings(folder, tiny_model))
        twice = dump(folder / "twice.parquet", [row("same", TEXT), row("same", f"again {EMAIL}")])
        with pytest.raises(GateRefused) as refused:
            moderate(settings(folder, tiny_model, input=[twice], output=folder / "refused"))
        yield folder, manifest, "\n".join([*logged, str(refused.value)]), tiny_model
    logging.getLogger().removeHandler(handler)


def test_nothing_that_was_planted_is_in_any_file_or_in_the_log(ran) -> None:
    folder, manifest, logged, _ = ran
    counts = manifest.counts
    assert (counts["scored"], counts["skipped"], counts["quarantined"], counts["flagged"] >= 3) == (4, 1, 4, True)
    assert found_in(folder / "out", KEY) == [] and found_in(folder / "refused", KEY) == []
    assert logged.count("stage") > 5 and not [needle for needle in (*NEEDLES, KEY) if needle in logged]


def test_published_spans_are_of_the_masked_body_and_the_policy_sees_it(ran) -> None:
    rows = {one["id"]: one for one in read_rows(ran[0] / "out")}
    assert rows["scored"]["body"] == MASKED and rows["scored"]["title"] == "call [PHONE]"
    assert rows["scored"]["meta"] == {"tags": ["[EMAIL]", None], "score": 1}
    assert rows["plain"]["body"] == "nothing to hide in Paris" and rows["plain"]["link_id"] == "t3_4155552671"
    assert rows["scored"]["rules"] == ["contact"] and rows["plain"]["rules"] == []
    spans = [(one, entity) for one in rows.values() for entity in one["entities"] or ()]
    assert spans and all(one["body"][e["start"] : e["end"]] == e["text"] for one, e in spans)
    authors = {one["author"] for one in rows.values()}
    assert "[deleted]" in authors and len(authors) == 2 and len({one["author_fullname"] for one in rows.values()}) == 1
    assert all(HASHED.fullmatch(name) for name in authors - {"[deleted]"})


def test_broken_rows_are_masked_in_quarantine(ran) -> None:
    raw = {one["row"]: json.loads(one["raw"]) for one in read_rows(ran[0] / "out", "quarantine")}
    assert raw[5]["body"] == MASKED and raw[6]["created_utc"] == "soon, says [EMAIL]"
    assert raw[7]["body"] == "\ufffd" + MASKED and HASHED.fullmatch(raw[8]["author"])


def test_the_manifest_and_the_summary_say_what_was_done_and_how_often(ran) -> None:
    _, manifest, _, _ = ran
    said = manifest.privacy
    assert said["apply"] == BOTH and len(said["key_id"]) == 12 and said["masking"]["regions"] == ["US"]
    # each row has an address and a number beside its body; those of texts come once, of the long one twelve times
    texts = 1 + 12 + 3
    assert said["masked"] == {
        **{"rows": 9, "author": 9, "email": 9 + 1 + texts, "phone": 9 + texts, "ip": 2 * texts, "card": texts}
    }
    assert ("rows changed for privacy", "9") in summary_rows(manifest)


def test_a_decision_on_a_masked_row_is_replayed_and_with_another_key_refused(ran, monkeypatch) -> None:
    folder, manifest, _, _ = ran
    for row_id in ("scored", "long", "skipped"):
        found = replay(folder / "out", "latest", Wish(row_id))
        assert (found.verdict, found.differences) == ("equal", ())
    monkeypatch.setenv(KEY_VARIABLE, KEY[::-1])
    with pytest.raises(UsageError, match=f"key of the id {manifest.privacy['key_id']}"):
        replay(folder / "out", "latest", Wish("scored"))
    monkeypatch.delenv(KEY_VARIABLE)
    with pytest.raises(UsageError, match="openssl rand"):
        replay(folder / "out", "latest", Wish("scored"))


@pytest.mark.slow
def test_deciding_again_masks_as_before_or_not_at_all(ran, monkeypatch) -> None:
    folder, manifest, _, _ = ran
    (folder / "other.yaml").write_text(POLICY.replace("low", "high"), encoding="utf-8")
    again = decide(folder / "out", policy=str(folder / "other.yaml"))
    assert again.scores["shards"]["scored"] == 0 and again.privacy == manifest.privacy
    assert found_in(folder / "out", KEY) == []
    (folder / "plain.yaml").write_text("privacy: [hash_author]", encoding="utf-8")
    with pytest.raises(UsageError, match="scored as masked by"):
        decide(folder / "out", file=folder / "plain.yaml")
    (folder / "drop.yaml").write_text("privacy: [drop_author, mask_pii]", encoding="utf-8")
    decide(folder / "out", file=folder / "drop.yaml")
    assert {one["author"] for one in read_rows(folder / "out")} == {None}


@pytest.mark.slow
def test_other_settings_are_other_scores_and_the_same_are_a_run_that_has_nothing_to_do(ran, tmp_path) -> None:
    folder, _, _, model = ran
    config = settings(folder, model, output=tmp_path / "out")
    first = moderate(config)
    assert moderate(config).run_id == first.run_id
    dropped = moderate(settings(folder, model, output=tmp_path / "out", privacy=["drop_author", "mask_pii"]))
    assert dropped.scores["key"] == first.scores["key"] and dropped.scores["shards"]["scored"] == 0
    assert {one["author"] for one in read_rows(tmp_path / "out")} == {None}
    plain = moderate(settings(folder, model, output=tmp_path / "out", privacy=[], publish={"format": "parquet"}))
    assert plain.scores["key"] != first.scores["key"] and plain.privacy == {}
    assert {needle for _, needle in found_in(tmp_path / "out/labelled")} == {*NEEDLES}
    scores = tmp_path / "out/scores"
    assert found_in(scores) == []  # digests and offsets, no text, with privacy and without


@pytest.mark.slow
def test_delta_tables_hold_nothing_that_was_planted(ran, tmp_path) -> None:
    folder, _, _, model = ran
    moderate(settings(folder, model, output=tmp_path / "out", publish={"format": "delta"}))
    assert found_in(tmp_path / "out", KEY) == []
