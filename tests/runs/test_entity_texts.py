"""Entities get their texts back from the bodies, by code points."""

import hypothesis.strategies as st
import pyarrow as pa
from hypothesis import given

from moderation.runs.entity_texts import with_texts

KIND = pa.list_(pa.struct({"start": pa.int32(), "end": pa.int32(), "type": pa.string(), "score": pa.float32()}))
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
SPAN = st.tuples(st.integers(0, 29), st.integers(1, 30))


def entity(start: int, end: int) -> dict:
    return {"start": start, "end": end, "type": "PER", "score": 0.5}


@given(st.lists(st.tuples(st.none() | TEXTS, st.lists(SPAN, max_size=4)), min_size=1), st.integers(0, 3))
def test_the_text_is_the_body_from_start_to_end(rows, skipped) -> None:
    bodies = [body for body, _ in rows]
    spans = [
        [entity(start, end) for start, end in found if body is not None and start < end <= len(body)]
        for body, found in rows
    ]
    spans = [None if body is None else found for body, found in zip(bodies, spans, strict=True)]
    done = with_texts(pa.array(spans, KIND).slice(skipped), pa.array(bodies, pa.string()).slice(skipped))
    done.validate(full=True)
    for body, found, answer in zip(bodies[skipped:], spans[skipped:], done.to_pylist(), strict=True):
        if body is None:
            assert answer is None
            continue
        assert [one["text"] for one in answer] == [body[one["start"] : one["end"]] for one in found]
        assert [(one["start"], one["end"]) for one in answer] == [(one["start"], one["end"]) for one in found]


def test_bodies_may_be_bytes() -> None:
    found = with_texts(pa.array([[entity(1, 3)]], KIND), pa.array(["xÜbel".encode()]))
    assert found.to_pylist()[0][0]["text"] == "Üb"
