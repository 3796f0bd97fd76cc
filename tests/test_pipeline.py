"""The main job, end to end: a real model folder, a real Spark session, the real gate."""

import json
from pathlib import Path

import pytest

from moderation.config import Config
from moderation.errors import GateRefused, UsageError
from moderation.pipeline import moderate
from moderation.sample import write_sample
from tests.dumps import NEXT_DAY, comment, read_rows, write_dump


@pytest.fixture
def job(spark, tiny_model, tmp_path):
    """Calls the main job on paths below the test's folder."""

    def run(*inputs: Path, force: bool = False, **settings):
        config = {"models": str(tiny_model), "precision": "fp32", "output": tmp_path / "out"} | settings
        return moderate(Config(input=list(inputs), **config), force)

    return run


def ids(output: Path) -> list[str]:
    return [row["id"] for row in read_rows(output)]


def files_below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def manifest_of(output: Path, status: str) -> dict:
    found = [json.loads(path.read_text()) for path in (output / "runs").glob("*/manifest.json")]
    (manifest,) = [manifest for manifest in found if manifest["status"] == status]
    return manifest


def test_every_row_of_a_hostile_dump_is_accounted_for_once(job, tmp_path) -> None:
    write_sample(tmp_path / "dump", rows=400)
    manifest = job(tmp_path / "dump")
    counts = manifest.counts
    published, quarantined = read_rows(tmp_path / "out"), read_rows(tmp_path / "out", "quarantine")
    assert counts["rows_in"] == 400 == len(published) + len(quarantined)
    assert counts["scored"] + counts["skipped"] + counts["failed"] == len(published)
    assert counts["quarantined"] == len(quarantined) == sum(counts["quarantine_reasons"].values()) > 0
    assert len(set(ids(tmp_path / "out"))) == len(published)
    for row in published:
        for entity in row["entities"]:
            assert row["body"][entity["start"] : entity["end"]] == entity["text"]


def test_the_manifest_tells_what_was_published_and_from_what(job, tmp_path) -> None:
    dump = write_dump(tmp_path / "a.parquet", [comment("1", "you idiot"), comment("2", "[deleted]")])
    job(dump)
    manifest = manifest_of(tmp_path / "out", "published")
    assert manifest["inputs"][0]["uri"] == dump.as_uri()
    assert manifest["inputs"][0]["rows"] == 2
    (entry,) = [entry for entry in manifest["published"] if entry["path"].startswith("labelled/")]
    assert (tmp_path / "out" / entry["path"]).stat().st_size == entry["size"]
    assert entry["rows"] == 2
    assert manifest["counts"]["reasons"] == {"deleted": 1}
    row = read_rows(tmp_path / "out")[0]
    assert row["model_id"] == manifest["model"]["model_id"]
    assert row["policy_id"] == manifest["policy"]["policy_id"]
    assert row["run_id"] == manifest["run_id"]
    assert set(manifest["timings"]) == {"read", "score", "decide", "validate", "publish"}
    assert Path(manifest["validation"]["docs"]).is_file()
    assert manifest["versions"]["pyspark"]


def test_running_the_same_input_twice_leaves_one_copy(job, tmp_path) -> None:
    dump = write_dump(tmp_path / "a.parquet", [comment("1", "x"), comment(None, "broken")])
    first, second = job(dump), job(dump, force=True)
    assert ids(tmp_path / "out") == ["1"]
    assert len(read_rows(tmp_path / "out", "quarantine")) == 1
    assert sorted(second.replaced) == sorted(entry["path"] for entry in first.published)


def test_a_changed_input_replaces_its_rows_on_every_date(job, tmp_path) -> None:
    dump = write_dump(tmp_path / "a.parquet", [comment("1", "x"), comment("2", "y", NEXT_DAY)])
    job(dump)
    write_dump(dump, [comment("1", "z")])
    job(dump)
    assert [(row["id"], row["body"]) for row in read_rows(tmp_path / "out")] == [("1", "z")]
    assert not (tmp_path / "out/labelled/date=2026-01-06").exists()


def test_what_other_inputs_published_stays(job, tmp_path) -> None:
    one = write_dump(tmp_path / "a.parquet", [comment("1", "x")])
    two = write_dump(tmp_path / "b.parquet", [comment("2", "y")])
    job(one)
    job(two)
    job(one)
    assert ids(tmp_path / "out") == ["1", "2"]


def test_a_file_that_left_its_folder_leaves_the_published_data_too(job, tmp_path) -> None:
    write_dump(tmp_path / "dump/a.parquet", [comment("1", "x")])
    gone = write_dump(tmp_path / "dump/b.parquet", [comment("2", "y")])
    job(tmp_path / "dump")
    gone.unlink()
    job(tmp_path / "dump")
    assert ids(tmp_path / "out") == ["1"]


def test_a_run_for_one_day_replaces_that_day_alone(job, tmp_path) -> None:
    dump = write_dump(tmp_path / "a.parquet", [comment("1", "x"), comment("2", "y", NEXT_DAY)])
    before = job(dump)
    after = job(dump, date="2026-01-06")
    assert after.counts["other_dates"] == 1
    runs = {row["id"]: row["run_id"] for row in read_rows(tmp_path / "out")}
    assert runs == {"1": before.run_id, "2": after.run_id}


def test_a_moved_copy_of_a_dump_is_refused_and_nothing_changes(job, tmp_path) -> None:
    rows = [comment("1", "x"), comment("2", "y")]
    job(write_dump(tmp_path / "a.parquet", rows))
    before = files_below(tmp_path / "out/labelled")
    with pytest.raises(GateRefused, match="2"):
        job(write_dump(tmp_path / "moved/a.parquet", rows))
    assert files_below(tmp_path / "out/labelled") == before


def test_a_refused_run_publishes_nothing_and_keeps_its_report(job, tmp_path) -> None:
    dump = write_dump(tmp_path / "a.parquet", [comment("same", "secret words"), comment("same", "other words")])
    with pytest.raises(GateRefused) as refusal:
        job(dump)
    assert "same" not in str(refusal.value)
    assert not (tmp_path / "out/labelled").exists()
    manifest = manifest_of(tmp_path / "out", "refused")
    assert manifest["validation"]["failures"]
    assert Path(manifest["validation"]["docs"]).is_file()
    run = tmp_path / "out/runs" / manifest["run_id"]
    assert not [path for path in run.rglob("*") if path.is_file() and b"secret words" in path.read_bytes()]


def test_a_dump_with_nothing_but_broken_rows_is_refused(job, tmp_path) -> None:
    with pytest.raises(GateRefused, match="at least one row"):
        job(write_dump(tmp_path / "a.parquet", [comment(None, "x")]))


def test_the_policy_decides_action_and_severity(job, tmp_path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(
        "thresholds: {offensive: 0, toxicity: 1, severe_toxicity: 1, obscene: 1, threat: 1, insult: 1,"
        " identity_attack: 1}\n"
        "rules:\n"
        "  - {name: long_one, when: length(body) > 5, action: review, severity: medium}\n"
        "  - {name: shout, when: body = upper(body), action: limit, severity: high}\n"
    )
    rows = [comment("1", "WHAT IS"), comment("2", "quiet words"), comment("3", "hm"), comment("4", "")]
    job(write_dump(tmp_path / "a.parquet", rows), policy=str(policy))
    decided = [(row["labels"], row["rules"], row["action"], row["severity"]) for row in read_rows(tmp_path / "out")]
    assert decided == [
        (["offensive"], ["long_one", "shout"], "limit", "high"),
        (["offensive"], ["long_one"], "review", "medium"),
        (["offensive"], [], "review", "low"),
        ([], ["shout"], "limit", "high"),
    ]


@pytest.mark.parametrize("condition", ["scores.rudeness > 0.5", "labels AND (", "length(body)", "nosuch(body)"])
def test_a_condition_that_spark_does_not_understand_is_named_before_any_work(job, tmp_path, condition) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(f"rules: [{{name: odd, when: '{condition}', action: review, severity: low}}]")
    with pytest.raises(UsageError, match="rule 'odd'") as error:
        job(write_dump(tmp_path / "a.parquet", [comment("1", "x")]), policy=str(policy))
    assert "\n" not in str(error.value)
    assert not (tmp_path / "out").exists()


def test_a_condition_that_fails_on_the_data_is_told_without_the_data(job, tmp_path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("rules: [{name: odd, when: cast(body AS int) > 5, action: review, severity: low}]")
    with pytest.raises(UsageError, match="CAST_INVALID_INPUT") as error:
        job(write_dump(tmp_path / "a.parquet", [comment("1", "secret words")]), policy=str(policy))
    assert "secret" not in str(error.value)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["scores"]  # what was scored stays


def test_a_file_that_is_damaged_inside_is_named_and_nothing_is_left(job, tmp_path) -> None:
    dump = write_dump(tmp_path / "a.parquet", [comment(str(n), f"text {n} " * 20) for n in range(500)])
    content = bytearray(dump.read_bytes())
    content[100 : len(content) // 2] = b"\xab" * (len(content) // 2 - 100)
    dump.write_bytes(content)
    with pytest.raises(UsageError, match=r"a\.parquet") as error:
        job(dump)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "out").exists()


def test_huge_and_odd_bodies_are_scored_beside_the_others(job, tmp_path) -> None:
    bodies = ["word " * 20_000, "x" * 1_000_000, "\x00\x01\x02", "‮" * 50, "👩‍🚀" * 3000, "plain"]
    rows = [comment(str(number), body) for number, body in enumerate(bodies)]
    manifest = job(write_dump(tmp_path / "a.parquet", rows))
    status = [row["status"] for row in read_rows(tmp_path / "out")]
    assert [status[0], status[1], status[5]] == ["scored"] * 3
    assert manifest.counts["scored"] + manifest.counts["skipped"] == len(bodies)


def test_the_manifest_reports_how_the_scoring_went_and_what_it_cost(job, tmp_path) -> None:
    rows = [comment(str(number), f"you idiot {number % 3} " + "word " * 80) for number in range(12)]
    manifest = job(write_dump(tmp_path / "a.parquet", rows), price_per_hour=3.6)
    report = manifest.throughput
    assert report["duplicates_saved"] > 0
    assert 0 <= report["padding_waste"] < 1
    assert 0 < report["share_of_peak"] < 1
    assert report["computed_tokens"] > 12 * 80 / 4  # equal texts are computed once
    assert all(report["seconds"][name] >= 0 for name in ("load", "tokenise", "model", "decode", "read_and_write"))
    assert report["seconds"]["model"] > 0
    seconds = sum(manifest.timings.values())
    assert report["cost_per_million"] == pytest.approx(3.6 * seconds / 3600 / 12 * 1e6, rel=0.1)
    assert "work" not in read_rows(tmp_path / "out")[0]


def test_equal_texts_have_equal_rows(job, tmp_path) -> None:
    bodies = ["you idiot", "Paris is lovely", "you idiot", "Paris is lovely", "you idiot"]
    job(write_dump(tmp_path / "a.parquet", [comment(str(number), body) for number, body in enumerate(bodies)]))
    found = {row["id"]: {name: row[name] for name in row if name != "id"} for row in read_rows(tmp_path / "out")}
    assert found["0"]["scores"] == found["2"]["scores"] == found["4"]["scores"] != found["1"]["scores"]
    assert found["1"]["entities"] == found["3"]["entities"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"device": "cuda:7"}, "device 'cuda:7' was asked for"),
        ({"backend": "torch", "precision": "int8"}, "precision 'int8' is none of"),
    ],
)
def test_a_device_that_is_not_there_is_refused_before_any_work(job, tmp_path, settings, message) -> None:
    dump = write_dump(tmp_path / "a.parquet", [comment("1", "hello")])
    with pytest.raises(UsageError, match=message):
        job(dump, **settings)
    assert not (tmp_path / "out" / "labelled").exists()
