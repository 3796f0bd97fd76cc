"""The case of words: what is a capital, what is a word, and whose token it goes with."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.text.case import ALL, FACTOR, FIRST, LOWER, MIXED, TYPES, parted, types_at, types_of

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        *(("rose", LOWER), ("Rose", FIRST), ("ROSE", ALL), ("McRose", MIXED), ("eROSE", MIXED), ("iPhone", MIXED)),
        *(("I", FIRST), ("a", LOWER), ("OK", ALL), ("Ünal", FIRST), ("U\u0308nal", FIRST), ("ÉCOLE", ALL)),
        *(("Σωκράτης", FIRST), ("МИР", ALL), ("東京", LOWER), ("עברית", LOWER), ("ǅungla", FIRST)),
        *(("𝐇𝐞𝐥𝐥𝐨", FIRST), ("ｆｕｌｌ", LOWER), ("ＦＵＬＬ", ALL), ("123", LOWER), ("😂", LOWER)),
    ],
)
def test_a_word_has_one_case(word: str, expected: int) -> None:
    assert types_of(word).tolist() == [expected] * len(word)


def test_words_end_where_letters_do() -> None:
    assert types_of("O'Brien").tolist() == [FIRST, LOWER, *[FIRST] * 5]
    assert types_of("#MH17 Ab").tolist() == [LOWER, ALL, ALL, LOWER, LOWER, LOWER, FIRST, FIRST]


def test_a_word_does_not_run_on_into_the_next_text() -> None:
    owners, starts = np.array([0, 1, 3, 3]), np.array([0, 0, 0, 2])
    assert types_at(["A", "BC", "", "d E"], owners, starts).tolist() == [FIRST, ALL, LOWER, FIRST]


def test_no_text_has_no_types() -> None:
    assert types_of("").tolist() == []
    assert types_at([], np.zeros(0, np.int64), np.zeros(0, np.int64)).tolist() == []


@given(TEXTS)
def test_every_character_has_a_type_and_lower_case_none_but_the_first(text: str) -> None:
    found = types_of(text)
    assert len(found) == len(text)
    assert set(found.tolist()) <= {LOWER, FIRST, ALL, MIXED}
    assert not any(types_of("".join(letter for letter in text if not letter.isupper() and not letter.istitle())))


@given(st.lists(TEXTS, max_size=5))
def test_texts_together_are_as_each_by_itself(texts: list[str]) -> None:
    owners = np.repeat(np.arange(len(texts)), [len(text) for text in texts])
    starts = np.concatenate([np.arange(len(text)) for text in texts] or [np.zeros(0, np.int64)])
    together = types_at(texts, owners, starts).tolist()
    assert together == [kind for text in texts for kind in types_of(text).tolist()]


@given(st.integers(0, 250_001), st.integers(0, TYPES - 1))
def test_an_id_and_a_type_are_one_number_of_32_bits(word: int, kind: int) -> None:
    number = np.array([kind * FACTOR + word], np.int32)
    assert [part.tolist() for part in parted(number)] == [[word], [kind]]
