"""Columns as they may be written: authors dropped or hashed, texts masked at any depth, everything else untouched."""

import json

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.errors import UsageError
from moderation.privacy.authors import HASHED, NOBODY, hashed, key_id
from moderation.privacy.privacy import FIELDS, Privacy, find_privacy, masking
from moderation.privacy.settings import KEY_VARIABLE, PrivacySettings

KEY = b"0123456789abcdef0123456789abcdef"
SECRET = "jane.doe@example.com"


def privacy(*options: str, **settings: object) -> Privacy:
    found = PrivacySettings.model_validate({"apply": options, **settings})
    return Privacy(found, KEY if "hash_author" in options else None)


def applied(kind: Privacy, **columns: pa.Array) -> tuple[dict[str, list], dict[str, int]]:
    made, done = kind.applied(list(columns.values()), [(name, name) for name in columns])
    assert [one.type for one in made] == [one.type for one in columns.values()]
    counts = {name: sum(done.field(name).to_pylist()) for name in FIELDS}
    return {name: one.to_pylist() for name, one in zip(columns, made, strict=True)}, counts


def test_dropped_authors_are_null_and_everything_else_stays() -> None:
    authors = pa.array(["jane", None, "joe"])
    rows, counts = applied(
        privacy("drop_author"), author=authors, Author_Fullname=pa.array([1, 2, None]), body=pa.array([SECRET] * 3)
    )
    assert rows == {"author": [None] * 3, "Author_Fullname": [None] * 3, "body": [SECRET] * 3}
    assert counts["author"] == 3 and counts["email"] == 0


def test_equal_authors_stay_equal_within_a_key_and_differ_under_another() -> None:
    rows, counts = applied(privacy("hash_author"), author=pa.array(["jane", "joe", "jane", None, "[deleted]", ""]))
    jane, joe, again, none, *nobody = rows["author"]
    assert jane == again != joe and HASHED.fullmatch(jane) and none is None and nobody == ["[deleted]", ""]
    assert counts["author"] == 3
    assert hashed("jane", KEY) == jane != hashed("jane", KEY[::-1])


@given(st.text(st.characters(codec="utf-8")))
def test_a_hashed_name_is_not_hashed_again_under_any_key(name: str) -> None:
    once = hashed(name, KEY)
    assert once is not None and (name in NOBODY or (once != name and HASHED.fullmatch(once)))
    assert hashed(once, b"another key") == once


def test_names_that_are_no_utf8_are_hashed_too() -> None:
    raw = pa.array([b"\xff\xfe", b"\xed\xa0\x80", None])
    column = pa.Array.from_buffers(pa.string(), 3, raw.buffers(), raw.null_count)
    rows, _ = applied(privacy("hash_author"), author=column)
    assert len({*rows["author"]}) == 3 and all(HASHED.fullmatch(name) for name in rows["author"][:2])


def test_texts_are_masked_at_any_depth_and_counted_by_row() -> None:
    deep = pa.array([[{"a": "x", "b": [SECRET, "10.0.0.1"]}], None, [], [{"a": SECRET, "b": None}, None]])
    kind = pa.map_(pa.string(), pa.string())
    tags = pa.array([[("k", SECRET)], None, [("k", "v")], []], kind)
    made, done = privacy("mask_pii").applied([deep.slice(0), tags], [("deep", "deep"), ("tags", "tags")])
    assert SECRET not in json.dumps([made[0].to_pylist(), made[1].to_pylist()])
    assert made[0].to_pylist() == [
        [{"a": "x", "b": ["[EMAIL]", "[IP]"]}],
        None,
        [],
        [{"a": "[EMAIL]", "b": None}, None],
    ]
    assert done.field("email").to_pylist() == [2, 0, 0, 1] and done.field("ip").to_pylist() == [1, 0, 0, 0]


def test_slices_of_columns_are_masked_where_they_begin() -> None:
    deep = pa.array([["a"], [SECRET], None, ["b", SECRET]]).slice(1)
    struct = pa.array([{"a": "x"}, {"a": SECRET}, None, {"a": "10.0.0.1"}]).slice(1)
    rows, _ = applied(privacy("mask_pii"), deep=deep, struct=struct, body=pa.array(["", "", SECRET, None]).slice(1))
    assert rows["deep"] == [["[EMAIL]"], None, ["b", "[EMAIL]"]]
    assert rows["struct"] == [{"a": "[EMAIL]"}, None, {"a": "[IP]"}]
    assert rows["body"] == ["", "[EMAIL]", None]


def test_ids_times_and_what_is_to_be_kept_stay() -> None:
    phone = "4155552671"
    columns = {name: pa.array([phone]) for name in ("id", "created_utc", "link_id", "seller", "other")}
    rows, _ = applied(privacy("mask_pii", keep=["LINK_ID", "seller"]), **columns)
    assert rows == {**{name: [phone] for name in columns}, "other": ["[PHONE]"]}
    rows, _ = applied(privacy("mask_pii"), created_utc=pa.array([f"soon, {SECRET}", "2026-01-05T00:00:00Z"]))
    assert rows["created_utc"] == ["soon, [EMAIL]", "2026-01-05T00:00:00Z"]


def test_a_column_that_cannot_be_an_author_is_refused() -> None:
    kind = privacy("hash_author")
    assert kind.kinds({"author": pa.int64()}, ["id"]) == {"author": pa.string()}
    assert privacy("drop_author").kinds({"author": pa.int64()}, ["id"]) == {"author": pa.int64()}
    with pytest.raises(UsageError, match=r"'author' holds list<.*drop it"):
        kind.kinds({"author": pa.list_(pa.string())}, ["id"])
    with pytest.raises(UsageError, match="mapped as id, body"):
        kind.kinds({"author": pa.string()}, ["author"])


def test_a_key_is_needed_and_is_never_shown(tmp_path, monkeypatch) -> None:
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    with pytest.raises(UsageError, match="openssl rand -hex 32"):
        find_privacy(PrivacySettings(apply=["hash_author"]))
    file = tmp_path / "author.key"
    with pytest.raises(UsageError, match="cannot be read"):
        find_privacy(PrivacySettings(apply=["hash_author"], key_file=file))
    file.write_text("too short\n")
    with pytest.raises(UsageError, match="9 characters") as caught:
        find_privacy(PrivacySettings(apply=["hash_author"], key_file=file))
    assert "too short" not in str(caught.value)
    file.write_text(f"{KEY.decode()}\n")
    with pytest.raises(UsageError, match="lies in the output"):
        find_privacy(PrivacySettings(apply=["hash_author"], key_file=file), tmp_path)
    found = find_privacy(PrivacySettings(apply=["hash_author"], key_file=file), tmp_path / "out")
    assert found is not None and found.key == KEY
    assert found.describe()["key_id"] == key_id(KEY)
    assert KEY.decode() not in repr(found) + json.dumps(found.describe())
    monkeypatch.setenv(KEY_VARIABLE, "another-" * 4)
    other = find_privacy(PrivacySettings(apply=["hash_author"], key_file=file))
    assert other is not None and other.key != KEY and other.describe()["key_id"] != key_id(KEY)


def test_all_that_decides_what_is_masked_is_said(monkeypatch) -> None:
    assert masking(PrivacySettings(apply=["drop_author"])) is None
    found = masking(PrivacySettings(apply=["mask_pii"], regions=["US", "DE"]))
    assert found is not None and found["regions"] == ["DE", "US"] and found["phonenumbers"][0].isdigit()
    assert masking(PrivacySettings(apply=["mask_pii"], kinds=["ip"])) == {"version": 1, "kinds": ["ip"]}
    with pytest.raises(UsageError, match="no country 'UK'"):
        find_privacy(PrivacySettings(apply=["mask_pii"], regions=["UK"]))
