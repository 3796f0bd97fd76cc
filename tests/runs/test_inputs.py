"""Finding input files, and what is said of those that will not do."""

from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from moderation.config import Columns
from moderation.errors import UsageError
from moderation.runs.inputs import find_inputs
from tests.dumps import comment, write_dump


def refusal(*paths: Path, columns: Columns | None = None) -> str:
    """The one line that says why these paths are no input."""
    with pytest.raises(UsageError) as found:
        find_inputs(list(paths), columns or Columns())
    assert "\n" not in str(found.value)
    return str(found.value)


def test_files_and_folders_are_found_once_each(tmp_path) -> None:
    one = write_dump(tmp_path / "a/one.parquet", [comment("1", "x")])
    write_dump(tmp_path / "a/b/two.parquet", [comment("2", "y"), comment("3", "z")])
    files = find_inputs([tmp_path / "a", one], Columns())
    assert [(file.path.name, file.rows) for file in files] == [("two.parquet", 2), ("one.parquet", 1)]


def test_hidden_and_temporary_files_are_left_out(tmp_path) -> None:
    write_dump(tmp_path / "one.parquet", [comment("1", "x")])
    for name in (".hidden.parquet", "_temporary/0/two.parquet"):
        write_dump(tmp_path / name, [comment("2", "y")])
    assert [file.path.name for file in find_inputs([tmp_path], Columns())] == ["one.parquet"]


def test_an_input_is_known_by_its_uri_and_its_digest_tells_its_content(tmp_path) -> None:
    dump = write_dump(tmp_path / "ü b.parquet", [comment("1", "x")])
    (before,) = find_inputs([dump], Columns())
    write_dump(dump, [comment("1", "changed")])
    (after,) = find_inputs([dump], Columns())
    assert before.uri == after.uri == dump.as_uri()
    assert before.key == after.key
    assert before.sha256 != after.sha256


def test_a_missing_path_is_named(tmp_path) -> None:
    assert str(tmp_path / "nowhere") in refusal(tmp_path / "nowhere")


def test_no_input_at_all_says_how_to_name_one() -> None:
    assert "--input" in refusal()


def test_a_folder_without_parquet_is_named(tmp_path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    assert f"{tmp_path}: the folder holds no .parquet file" in refusal(tmp_path)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"not parquet at all", b"PAR1" + b"\0" * 100 + b"PAR1"])
def test_a_file_that_is_no_parquet_is_named(tmp_path, content) -> None:
    path = tmp_path / "bad.parquet"
    path.write_bytes(content)
    assert f"{path}: not a readable Parquet file" in refusal(tmp_path)


def test_a_truncated_file_is_named(tmp_path) -> None:
    path = write_dump(tmp_path / "cut.parquet", [comment(str(n), "x" * n) for n in range(1000)])
    path.write_bytes(path.read_bytes()[:-100])
    assert str(path) in refusal(path)


def test_a_missing_text_column_is_named_with_those_that_are_there(tmp_path) -> None:
    message = refusal(write_dump(tmp_path / "a.parquet", [{"id": "1", "text": "x"}]))
    assert "no column 'body'" in message
    assert "columns.body" in message
    assert "id, text" in message


def test_a_missing_id_column_is_named(tmp_path) -> None:
    assert "no column 'id'" in refusal(write_dump(tmp_path / "a.parquet", [{"body": "x"}]))


@pytest.mark.parametrize("body", [pa.array([1]), pa.array([1.5]), pa.array([["x"]]), pa.array([{"a": "x"}])])
def test_a_body_that_is_no_text_is_named_with_its_type(tmp_path, body) -> None:
    parquet.write_table(pa.table({"id": ["1"], "body": body}), tmp_path / "a.parquet")
    message = refusal(tmp_path)
    assert f"column 'body' holds {str(body.type)[:5]}" in message
    assert "not text; name another with columns.body" in message


def test_an_id_that_cannot_be_one_is_named(tmp_path) -> None:
    assert "column 'id' holds" in refusal(write_dump(tmp_path / "a.parquet", [{"id": 1.5, "body": "x"}]))


def test_no_rows_is_said(tmp_path) -> None:
    schema = pa.schema({"id": pa.string(), "body": pa.string()})
    assert "no rows in 1 Parquet file" in refusal(write_dump(tmp_path / "a.parquet", [], schema))


def test_files_whose_columns_have_no_type_in_common_are_named(tmp_path) -> None:
    write_dump(tmp_path / "a.parquet", [comment("1", "hi", colour="red")])
    write_dump(tmp_path / "b.parquet", [comment("2", "ho", colour=["red"])])
    message = refusal(tmp_path)
    assert "b.parquet: column 'colour' holds list<element: string>, but string in" in message
