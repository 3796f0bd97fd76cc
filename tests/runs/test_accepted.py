"""A run in steps: score, validate, publish, each a command of its own."""

import json
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

from moderation.config import Config, load_config
from moderation.errors import UsageError
from moderation.pipeline import moderate
from moderation.runs.accepted import publish_accepted
from moderation.runs.until import Until
from moderation.sample import write_sample


@pytest.fixture(scope="module")
def dump(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("steps") / "comments"
    write_sample(folder, 300)
    return folder


def config(dump: Path, output: Path, model: Path, tag: str | None = None, **options: Any) -> Config:
    return load_config(input=[dump], output=output, models=[str(model)], tag=tag, **options)


def rows(output: Path) -> int:
    return sum(parquet.read_metadata(file).num_rows for file in output.glob("labelled/date=*/*.parquet"))


def test_scored_then_validated_then_published(
    spark: object, tiny_model: Path, dump: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "out"
    settings = config(dump, output, tiny_model, "day")

    scored = moderate(settings, until=Until.SCORE)
    assert scored.status == "scored"
    assert rows(output) == 0
    with pytest.raises(UsageError, match="got as far as the gate"):
        publish_accepted(output, None, "day")
    with pytest.raises(UsageError, match="is scored, not accepted"):
        publish_accepted(output, scored.run_id, None)

    accepted = moderate(settings, until=Until.VALIDATE)
    assert accepted.status == "accepted"
    assert accepted.scores["shards"]["scored"] == 0
    assert rows(output) == 0

    with monkeypatch.context() as broken, pytest.raises(OSError, match="disk"):
        broken.setattr("moderation.runs.publish.write_journal", die)
        publish_accepted(output, None, "day")
    assert rows(output) == 0, "a publication that died before it was written down published nothing"

    published, new = publish_accepted(output, None, "day")
    assert new
    assert published.run_id == accepted.run_id
    assert rows(output) == published.counts["rows_in"] - published.counts["quarantined"]
    manifest = json.loads((output / "runs" / accepted.run_id / "manifest.json").read_text())
    assert manifest["status"] == "published"
    assert manifest["timings"]["publish"] >= 0
    assert not list((output / ".staging").glob("*"))

    again, new = publish_accepted(output, None, "day")
    assert (again.run_id, new) == (accepted.run_id, False)
    assert moderate(settings, until=Until.SCORE).run_id == accepted.run_id, "nothing is left to do"


def test_accepted_rows_outlive_other_runs_but_not_a_publication_of_their_dates(
    spark: object, tiny_model: Path, dump: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    first = moderate(config(dump, output, tiny_model, date="2026-01-05"), until=Until.VALIDATE)
    other = moderate(config(dump, output, tiny_model, date="2026-01-06"), until=Until.VALIDATE)
    publish_accepted(output, other.run_id, None)

    moderate(config(dump, output, tiny_model, date="2026-01-05", policy=str(strict(tmp_path))))
    with pytest.raises(UsageError, match="another run has published rows of these dates since"):
        publish_accepted(output, first.run_id, None)

    third = moderate(config(dump, output, tiny_model, date="2026-01-05"), until=Until.VALIDATE)
    next((output / ".staging" / third.run_id).rglob("*.parquet")).unlink()
    with pytest.raises(UsageError, match="are not those the gate saw"):
        publish_accepted(output, third.run_id, None)


def die(*_: object) -> None:
    raise OSError("disk")


def strict(folder: Path) -> Path:
    policy = folder / "strict.yaml"
    policy.write_text("thresholds: {insult: 0.01}\n", encoding="utf-8")
    return policy
