"""Training data: which words get which targets, and which labels a row teaches."""

import numpy as np
import pandas as pd
import pytest

from moderation.errors import UsageError
from moderation.evaluation.spans import gold_spans
from moderation.models.load import load_tokenizer
from moderation.resources import builtin_model
from moderation.training.data import IGNORED, align, label_targets
from moderation.training.recipe import Recipe, TextSource, TokenSource, read_recipe
from moderation.training.rows import read_rows

TAGS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")
SOURCE = TokenSource(file="x", types=["PER", "LOC"])


@pytest.fixture(scope="module")
def tokenizer():
    return load_tokenizer(builtin_model())


def names(targets: np.ndarray) -> list[str]:
    return ["-" if target == IGNORED else TAGS[target] for target in targets]


def test_a_word_that_the_tokeniser_splits_keeps_its_tag_and_continues_it(tokenizer) -> None:
    ids, targets = align(["O'Brien", "left", "Rome"], ["B-PER", "O", "B-LOC"], SOURCE, tokenizer, TAGS)
    assert len(ids) == len(targets)
    assert [name for name in names(targets) if name != "-"] == ["B-PER", "I-PER", "I-PER", "O", "B-LOC"]


def test_later_tokens_of_a_word_have_no_target(tokenizer) -> None:
    _, targets = align(["Zwolleheim"], ["B-LOC"], SOURCE, tokenizer, TAGS)
    assert names(targets)[0] == "B-LOC"
    assert set(names(targets)[1:]) == {"-"}


def test_types_that_a_source_does_not_annotate_are_no_entity(tokenizer) -> None:
    source = TokenSource(file="x", types=["PER"])
    _, targets = align(["Anna", "in", "Rome"], ["B-PER", "O", "B-LOC"], source, tokenizer, TAGS)
    assert names(targets) == ["B-PER", "O", "O"]


def test_a_label_that_was_not_judged_has_no_target() -> None:
    rows = pd.DataFrame({"toxic": pd.array([1, 0, None], "Int8")})
    targets = label_targets(rows, {"toxicity": "toxic"}, ["insult", "toxicity"])
    assert np.isnan(targets[:, 0]).all()
    assert targets[:2, 1].tolist() == [1.0, 0.0]
    assert np.isnan(targets[2, 1])


@pytest.fixture
def folder(tmp_path):
    frame = pd.DataFrame({"text": list("abcdef"), "source": list("xxxyyy"), "split": ["train"] * 5 + ["dev"], "bad": 0})
    frame.to_parquet(tmp_path / "data.parquet")
    return tmp_path


def test_rows_are_chosen_by_split_and_value(folder) -> None:
    source = TextSource(file="data.parquet", where={"source": ["y"]}, labels={"offensive": "bad"})
    assert read_rows(folder, source, "train", ["text"], 1)["text"].tolist() == ["d", "e"]
    assert read_rows(folder, source, "dev", ["text"], 1)["text"].tolist() == ["f"]


def test_a_cap_limits_each_group(folder) -> None:
    source = TextSource(file="data.parquet", cap=1, labels={"offensive": "bad"})
    assert sorted(read_rows(folder, source, "train", ["text"], 1)["source"]) == ["x", "y"]


def test_a_missing_file_or_column_is_named(folder) -> None:
    with pytest.raises(UsageError, match=r"nowhere\.parquet: no such file"):
        read_rows(folder, TextSource(file="nowhere.parquet", labels={}), "train", [], 1)
    with pytest.raises(UsageError, match="no column rude"):
        read_rows(folder, TextSource(file="data.parquet", labels={}), "train", ["rude"], 1)


def test_an_unknown_key_in_a_recipe_is_named(tmp_path) -> None:
    (tmp_path / "r.yaml").write_text("labels: [a]\ntexts: []\nepochz: 3\n")
    with pytest.raises(UsageError, match="unknown key 'epochz'"):
        read_recipe(tmp_path / "r.yaml")


def test_how_to_calibrate_is_read_and_a_mistake_in_it_named(tmp_path) -> None:
    source = "{file: x.parquet, labels: {rude: rude}"
    lines = f"labels: [rude]\ntexts: [{source}}}]\ncalibration: [{source}, %s}}]\n"
    (tmp_path / "r.yaml").write_text(lines % "method: auto, threshold: macro-f1, base_rate: {rude: 0.1}")
    [found] = read_recipe(tmp_path / "r.yaml").calibration
    assert (found.method, found.threshold, found.base_rate) == ("auto", "macro_f1", {"rude": 0.1})
    for wrong in ("method: magic", "threshold: highest", "base_rate: {rude: 1}"):
        (tmp_path / "r.yaml").write_text(lines % wrong)
        with pytest.raises(UsageError, match=rf"calibration\.0\.{wrong.split(':')[0]}"):
            read_recipe(tmp_path / "r.yaml")


def test_the_built_in_recipe_is_valid() -> None:
    from moderation.training.make import BUILTIN

    assert isinstance(read_recipe(BUILTIN), Recipe)


def test_gold_spans_count_characters_of_the_joined_words() -> None:
    words, tags = ["In", "New", "York", "Anna", "Berg"], ["O", "B-LOC", "I-LOC", "B-PER", "B-PER"]
    assert gold_spans(words, tags) == {(3, 11, "LOC"), (12, 16, "PER"), (17, 21, "PER")}
