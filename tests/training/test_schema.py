"""What the schema refuses, by file, column and value, and what it takes."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from moderation.errors import UsageError
from moderation.models.load import load_tokenizer
from moderation.resources import builtin_model
from moderation.training.data import text_examples
from moderation.training.recipe import Recipe, TextSource, TokenSource
from moderation.training.rows import held_out, read_rows

TEXTS = TextSource(file="d.parquet", labels={"rude": "rude"})
WORDS = TokenSource(file="d.parquet", types=["PER"])


def read(folder: Path, columns: dict, source: TextSource | TokenSource = TEXTS, split: str = "train") -> pd.DataFrame:
    pd.DataFrame(columns).to_parquet(folder / "d.parquet")
    return read_rows(folder, source, split, [], 7)


def refusal(folder: Path, columns: dict, source: TextSource | TokenSource = TEXTS) -> str:
    with pytest.raises(UsageError) as caught:
        read(folder, columns, source)
    message = str(caught.value)
    assert "d.parquet" in message
    assert "\n" not in message
    return message


TRAIN = {"split": ["train"] * 4}


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ([0, 1, 2, 2], "column rude holds 2 (2 times)"),
        ([0, 1, 0.5, None], "column rude holds 0.5 (1 times)"),
        (["0", "1", "1", "0"], "column rude holds '0' (2 times, 4 such values in all)"),
        (["yes", None, "no", None], "column rude holds 'yes' (1 times, 2 such values in all)"),
    ],
)
def test_a_label_other_than_0_1_or_null_is_named_with_its_count(tmp_path, labels, said) -> None:
    assert said in refusal(tmp_path, {"text": list("abcd"), "rude": labels, **TRAIN})


@pytest.mark.parametrize("labels", [[0, 1, None, 1], [False, True, None, True], [0.0, 1.0, np.nan, 1.0]])
def test_numbers_and_truth_values_are_labels_and_null_is_not_judged(tmp_path, labels) -> None:
    read(tmp_path, {"text": list("abcd"), "rude": labels, **TRAIN})
    recipe = Recipe(labels=["rude"], texts=[TEXTS])
    targets = [row.labels.tolist() for row in text_examples(recipe, tmp_path, "train", load_tokenizer(builtin_model()))]
    assert str(targets) == "[[0.0], [1.0], [nan], [1.0]]"


def test_rows_without_a_text_are_left_out_and_odd_texts_are_read(tmp_path) -> None:
    huge = "word " * 200_000
    rows = read(tmp_path, {"text": [None, " \n", "fine", huge], "rude": [1, 1, 0, 1], **TRAIN})
    assert rows["text"].tolist() == ["fine", huge]
    recipe = Recipe(labels=["rude"], texts=[TEXTS], max_tokens=16, overlap=4)
    lengths = [len(row.ids) for row in text_examples(recipe, tmp_path, "train", load_tokenizer(builtin_model()))]
    assert lengths == [1, 14]


def test_bytes_that_are_no_utf8_and_lone_surrogates_become_signs_of_it(tmp_path) -> None:
    raw = pa.array([b"bad \xff byte", "surrogate \ud800".encode("utf-8", "surrogatepass"), b"fine", b"x"], pa.binary())
    text = pa.Array.from_buffers(pa.string(), 4, raw.buffers())  # unchecked, as other writers do
    table = pa.table({"text": text, "rude": [0, 1, 0, 1], "split": ["train"] * 4})
    parquet.write_table(table, tmp_path / "d.parquet")
    texts = read_rows(tmp_path, TEXTS, "train", [], 7)["text"].tolist()
    assert texts[0] == "bad \ufffd byte"
    assert texts[1].startswith("surrogate \ufffd")
    assert texts[2:] == ["fine", "x"]


def test_a_text_that_is_no_string_is_named(tmp_path) -> None:
    assert "column text holds 1" in refusal(tmp_path, {"text": [1, 2, 3, 4], "rude": [0, 1, 0, 1], **TRAIN})


def test_a_column_that_stands_twice_is_named(tmp_path) -> None:
    table = pa.table([["a"], [1], [0], ["train"]], names=["text", "rude", "rude", "split"])
    parquet.write_table(table, tmp_path / "d.parquet")
    with pytest.raises(UsageError, match="has column rude 2 times"):
        read_rows(tmp_path, TEXTS, "train", [], 7)


def test_a_file_that_is_no_parquet_is_named(tmp_path) -> None:
    (tmp_path / "d.parquet").write_bytes(b"PAR1 and then nothing")
    with pytest.raises(UsageError, match=r"d\.parquet: not a readable Parquet file"):
        read_rows(tmp_path, TEXTS, "train", [], 7)


def test_a_split_that_keeps_nothing_is_named(tmp_path) -> None:
    said = refusal(tmp_path, {"text": ["a", "b"], "rude": [0, 1], "split": ["Train", "test"]})
    assert "none of its 2 rows is left for split 'train'" in said


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        (["PER", "O"], "column tags holds 'PER' (2 times)"),
        (["S-PER", "O"], "column tags holds 'S-PER' (2 times)"),
        (["B-", "O"], "column tags holds 'B-'"),
        ([1, 0], "tags are a list of strings"),
        (["O"], "2 rows have another number of tags than of tokens, the first of them (row 0) 2 tokens and 1 tags"),
    ],
)
def test_tags_that_are_no_bio_or_not_as_many_as_tokens_are_named(tmp_path, tags, said) -> None:
    columns = {"tokens": [["Anna", "left"]] * 2, "tags": [tags] * 2, "split": ["train"] * 2}
    assert said in refusal(tmp_path, columns, WORDS)


def test_sentences_without_tokens_or_tags_are_left_out(tmp_path) -> None:
    columns = {"tokens": [["Anna"], None, [], ["x"]], "tags": [["B-PER"], ["O"], [], None], **TRAIN}
    assert len(read(tmp_path, columns, WORDS)) == 1


def test_without_a_split_column_equal_texts_are_on_one_side_whatever_their_order() -> None:
    texts = [f"text {number % 50}" for number in range(200)]
    chosen = held_out(texts, 0.2, 7)
    assert chosen.sum() == 40
    assert {text for text, away in zip(texts, chosen, strict=True) if away}.isdisjoint(
        {text for text, away in zip(texts, chosen, strict=True) if not away}
    )
    assert held_out(texts[::-1], 0.2, 7).tolist() == chosen[::-1].tolist()
    assert held_out(texts, 0.2, 8).tolist() != chosen.tolist()


def test_a_dev_file_of_its_own_is_all_held_out(tmp_path) -> None:
    pd.DataFrame({"text": ["c"], "rude": [1]}).to_parquet(tmp_path / "dev.parquet")
    source = TEXTS.model_copy(update={"dev": "dev.parquet"})
    assert read(tmp_path, {"text": ["a", "b"], "rude": [0, 1]}, source)["text"].tolist() == ["a", "b"]
    assert read_rows(tmp_path, source, "dev", [], 7)["text"].tolist() == ["c"]


def test_without_source_and_licence_the_file_and_not_stated_stand_in(tmp_path) -> None:
    rows = read(tmp_path, {"text": ["a", "b"], "rude": [0, 1], "split": ["train"] * 2})
    assert set(rows["source"]) == {"d"}
    assert set(rows["license"]) == {"not stated"}
