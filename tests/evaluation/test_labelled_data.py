"""Labelled data: what counts as judged, and one clear line for each kind of bad file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from moderation.errors import UsageError
from moderation.evaluation.data import Choice, Data, read_data

LABELS = ("offensive", "toxicity", "severe_toxicity", "identity_attack")
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes columns as Parquet, `text` among them unless it is given."""

    def written(**columns: Any) -> Path:
        rows = len(next(iter(columns.values())))
        pq.write_table(pa.table({"text": [f"text {row}" for row in range(rows)]} | columns), tmp_path / "data.parquet")
        return tmp_path / "data.parquet"

    return written


def truth(data: Data, label: str) -> list[float | None]:
    assert data.texts
    return [None if np.isnan(value) else value for value in data.texts.truth[label]]


@pytest.mark.parametrize(
    "column",
    [
        pa.array([1, 0, None], pa.int8()),
        pa.array([True, False, None]),
        pa.array([1.0, 0.0, None]),
        pa.array([1.0, 0.0, float("nan")]),
        pa.array([1, 0, None], pa.decimal128(3, 1)),
    ],
    ids=["integers", "booleans", "floats", "nan", "decimals"],
)
def test_zero_one_and_not_judged_come_in_many_types(write: Write, column: pa.Array) -> None:
    found = read_data(write(offensive=column, toxic=[1, 1, 1]), LABELS)
    assert truth(found, "offensive") == [1, 0, None]


def test_jigsaws_names_are_known_and_rows_that_nobody_judged_are_left_out(write: Write) -> None:
    found = read_data(write(toxic=[1, None, 0], severe_toxic=[0, None, None], threat=[1, 1, 1]), LABELS)
    assert found.columns == {"toxicity": "toxic", "severe_toxicity": "severe_toxic"}
    assert found.texts and found.texts.texts == ["text 0", "text 2"]
    assert truth(found, "severe_toxicity") == [0, None]


def test_a_column_given_to_one_label_is_not_also_taken_for_another(write: Write) -> None:
    found = read_data(write(offensive=[1, 0]), LABELS, Choice(columns={"identity_attack": "offensive"}))
    assert found.columns == {"identity_attack": "offensive"}


def test_unreliable_zeros_of_offensive_are_not_judged_and_counted(write: Write) -> None:
    path = write(offensive=[1, 0, 0, 1], neg_reliable=[False, False, True, True], toxic=[0, 0, 0, 0])
    found = read_data(path, LABELS)
    assert truth(found, "offensive") == [1, None, 0, 1]
    assert truth(found, "toxicity") == [0, 0, 0, 0]
    assert found.notes[0].startswith("1 rows with offensive = 0 and neg_reliable false count as not judged; the 1 pos")


def test_unreliable_zeros_count_where_the_column_speaks_for_another_label(write: Write) -> None:
    path = write(offensive=[1, 0], neg_reliable=[False, False])
    found = read_data(path, LABELS, Choice(columns={"identity_attack": "offensive"}))
    assert (truth(found, "identity_attack"), found.notes) == ([1, 0], [])


def test_rows_are_chosen_by_split_and_by_values_of_any_plain_type(write: Write) -> None:
    columns = {"split": ["dev", "dev", "train"], "kind": [1, 2, 1], "good": [True, True, False], "offensive": [1, 0, 1]}
    path = write(**columns)
    for choice, texts in (
        (Choice(split="dev"), [0, 1]),
        (Choice(where={"kind": ["1"]}), [0, 2]),
        (Choice(where={"kind": ["1", "2"], "good": ["true"]}), [0, 1]),
    ):
        found = read_data(path, LABELS, choice)
        assert found.texts and found.texts.texts == [f"text {row}" for row in texts]


def test_a_split_that_nobody_asked_for_is_noted(write: Write) -> None:
    path = write(split=["dev", "train"], offensive=[1, 0])
    assert "--split dev" in read_data(path, LABELS).notes[0]
    assert read_data(path, LABELS, Choice(split="dev")).notes == []


def test_a_limit_draws_the_same_rows_each_time_in_their_order(write: Write) -> None:
    path = write(offensive=[0, 1] * 50)
    first, second = (read_data(path, LABELS, Choice(limit=10)).texts for _ in range(2))
    assert first and second and first.texts == second.texts
    numbers = [int(str(text).split()[1]) for text in first.texts]
    assert len(numbers) == 10 and numbers == sorted(numbers) and numbers[-1] > 20


def test_texts_that_are_no_utf8_become_readable(tmp_path: Path) -> None:
    raw = pa.array([b"fine", b"half \xed\xa0\x80 pair", None], pa.binary())
    text = pa.Array.from_buffers(pa.string(), 3, raw.buffers())
    pq.write_table(pa.table({"text": text, "offensive": [1, 0, 1]}), tmp_path / "d.parquet")
    found = read_data(tmp_path / "d.parquet", LABELS)
    assert found.texts and found.texts.texts == ["fine", "half \ufffd\ufffd\ufffd pair", None]


def test_categories_are_text(tmp_path: Path) -> None:
    frame = pd.DataFrame({"text": ["a", "b"], "source": ["x", "y"], "offensive": [1, 0]}).astype({"source": "category"})
    frame.to_parquet(tmp_path / "d.parquet")
    found = read_data(tmp_path / "d.parquet", LABELS, Choice(by="source"))
    assert found.texts and found.texts.groups == ["x", "y"]


def test_sentences_are_read_beside_texts_and_rows_without_tags_left_out(write: Write) -> None:
    columns = {"tokens": [["Anna"], None, ["x", "y"]], "tags": [["B-PER"], None, ["O", "O"]], "offensive": [1, 0, None]}
    found = read_data(write(**columns), LABELS)
    assert found.sentences and found.sentences.words == [["Anna"], ["x", "y"]]
    assert found.texts and len(found.texts.texts) == 2


@pytest.mark.parametrize(
    ("columns", "choice", "words"),
    [
        ({"offensive": [1, 2, 0.5]}, {}, r"column offensive holds 2, not 0, 1 or null \(2 such rows\)"),
        ({"offensive": ["yes", "no"]}, {}, "column offensive holds string, not 0, 1 or null"),
        ({"offensive": [[1], [0]]}, {}, "column offensive holds list<"),
        ({"offensive": [None, None]}, {}, "not one of the 2 rows chosen is judged"),
        ({"offensive": pa.array([], pa.int8())}, {}, "holds no rows"),
        ({"rude": [1, 0]}, {}, "no column named like a label of the model"),
        ({"offensive": [1], "text": [["nested"]]}, {}, "column text holds list<.*not text"),
        ({"offensive": [1], "text": [5]}, {}, "column text holds int64, not text"),
        ({"offensive": [1]}, {"text": "body"}, "no column body; it has text, offensive"),
        ({"offensive": [1]}, {"split": "dev"}, "no column split"),
        ({"offensive": [1]}, {"by": "subreddit"}, "no column subreddit"),
        ({"offensive": [1], "split": ["a"]}, {"split": "dev"}, "no row left where split is dev; it is a"),
        (
            {"offensive": [1]},
            {"columns": {"rude": "offensive"}},
            "--label-column rude=...: the model has no such label",
        ),
        ({"offensive": [1]}, {"columns": {"toxicity": "rude"}}, "no column rude"),
        ({"offensive": [1], "n": [{"a": 1}]}, {"by": "n"}, "column n holds struct"),
        ({"tokens": [["a", "b"]], "tags": [["O"]]}, {}, "row 0 has 2 tokens and 1 tags"),
        ({"tokens": [["a"], ["a"]], "tags": [["O"], ["PER"]]}, {}, "row 1 has the tag 'PER', which is none of O"),
        ({"tokens": [["a", "b"]], "tags": [[None, "O"]]}, {}, "row 0 has the tag None"),
        ({"tokens": [["a"]], "tags": [["E-PER"]]}, {}, "row 0 has the tag 'E-PER'"),
        ({"tokens": [[None, "a"]], "tags": [["O", "O"]]}, {}, "row 0 has a token that is null"),
        ({"tokens": ["a b"], "tags": [["O"]]}, {}, "column tokens holds string, not lists of text"),
        ({"tokens": [[1]], "tags": [["O"]]}, {}, "column tokens holds list<.*not lists of text"),
    ],
)
def test_bad_data_is_named_in_one_line(write: Write, columns: dict, choice: dict, words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        read_data(write(**columns), LABELS, Choice(**choice))
    assert "data.parquet" in str(caught.value) or "--label-column" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_tokens_that_are_no_utf8_are_named(tmp_path: Path) -> None:
    raw = pa.Array.from_buffers(pa.string(), 1, pa.array([b"\xed\xa0\x80"]).buffers())
    tokens = pa.ListArray.from_arrays(pa.array([0, 1], pa.int32()), raw)
    pq.write_table(pa.table({"tokens": tokens, "tags": [["O"]]}), tmp_path / "d.parquet")
    with pytest.raises(UsageError, match="column tokens holds text that is not UTF-8"):
        read_data(tmp_path / "d.parquet", LABELS)


def test_a_row_is_named_by_its_number_in_the_file(write: Write) -> None:
    path = write(tokens=[["a"], ["a"], ["b", "c"]], tags=[["O"], ["O"], ["O"]], split=["train", "dev", "dev"])
    with pytest.raises(UsageError, match="row 2 has 2 tokens"):
        read_data(path, LABELS, Choice(split="dev"))


@pytest.mark.parametrize("content", [None, b"", b"PAR1 this is no Parquet PAR1"])
def test_what_is_no_parquet_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "d.parquet"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=r"d\.parquet: (no such file|cannot be read as Parquet)") as caught:
        read_data(path, LABELS)
    assert "\n" not in str(caught.value)
