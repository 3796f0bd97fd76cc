"""The texts of the benchmark: real ones where there are any, else made-up ones of the same lengths."""

from pathlib import Path

import numpy as np
import pytest

from moderation.bench import texts
from moderation.errors import UsageError


def write(path: Path, **columns: list[object]) -> Path:
    import pyarrow
    from pyarrow import parquet

    parquet.write_table(pyarrow.table(columns), path)
    return path


@pytest.mark.parametrize("count", [60, 2000])
def test_made_up_texts_have_the_lengths_of_reddit_comments(count: int) -> None:
    words = np.array([len(text.split()) for text in texts.generate(count)])
    assert len(words) == count
    assert 35 <= words.mean() <= 45
    assert 20 <= np.median(words) <= 24
    assert 70 <= np.quantile(words, 0.9) <= 100
    assert words.min() >= 1


def test_a_made_up_word_is_a_token() -> None:
    from moderation.inference.tokenise import tokenise
    from moderation.models.load import find_model, load_tokenizer

    found = texts.generate(50)
    tokens = tokenise(load_tokenizer(find_model("builtin").folder), found)
    assert tokens.lengths.tolist() == [len(text.split()) for text in found]


def test_made_up_texts_are_the_same_every_time() -> None:
    assert texts.generate(30) == texts.generate(30)


def test_no_texts_are_none() -> None:
    assert texts.generate(0) == []


@pytest.mark.parametrize("quantile", [0.0, 0.5, 1.0])
def test_lengths_at_the_known_quantiles_are_the_known_ones(quantile: float) -> None:
    assert texts.length_at(quantile) == dict(texts.QUANTILES)[quantile]


def test_only_bodies_that_are_scored_take_part(tmp_path: Path) -> None:
    file = write(tmp_path / "d.parquet", body=["one", None, "[deleted]", " ", "two"])
    assert sorted(texts.scorable_bodies(file, 10)) == ["one", "two"]
    assert sorted(texts.bodies(file, 10)) == [" ", "[deleted]", "one", "two"]


def test_a_sample_is_the_same_every_time_and_no_larger_than_asked_for() -> None:
    found = [str(number) for number in range(100)]
    assert texts.sample(found, 10) == texts.sample(found, 10)
    assert len(set(texts.sample(found, 10))) == 10


def test_equal_texts_stand_once() -> None:
    assert texts.distinct(["b", "a", "b"]) == ["b", "a"]


def test_a_file_that_is_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        texts.data_file(tmp_path / "none.parquet")


def test_the_default_file_is_taken_only_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "DATA", tmp_path / "reddit.parquet")
    assert texts.data_file(None) is None
    (tmp_path / "reddit.parquet").touch()
    assert texts.data_file(None) == tmp_path / "reddit.parquet"
    assert texts.data_file(None, generated=True) is None


def test_a_file_without_bodies_is_the_callers_mistake(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="body column"):
        texts.read_bodies(write(tmp_path / "other.parquet", text=["a"]))
    with pytest.raises(UsageError, match="empty"):
        texts.read_bodies(write(tmp_path / "empty.parquet", body=[None]))
