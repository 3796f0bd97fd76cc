"""Near-duplicates: one text stands for those like it, within its group."""

from moderation.audit.duplicates import representatives

LONG = (
    "we read this again and again and did not find what the others had found there before us; the quick brown fox "
    "jumps over the lazy dog and runs away from the hunter into the dark green forest"
)


def test_equal_texts_and_near_ones_are_shown_once_and_others_are_not() -> None:
    texts = [LONG, LONG.upper(), LONG + " !", "something else entirely, of no likeness", LONG.replace("fox", "cat")]
    assert representatives(texts, [0] * 5).tolist() == [0, 0, 0, 3, 0]
    assert representatives(texts, [0] * 5, 1.0).tolist() == [0, 0, 2, 3, 4]


def test_texts_of_other_groups_stand_for_themselves() -> None:
    assert representatives([LONG, LONG, LONG], ["a", "b", "a"]).tolist() == [0, 1, 0]


def test_texts_shorter_than_a_shingle_or_empty_of_letters_are_compared_whole() -> None:
    assert representatives(["ok", "OK", "no", "", " ", "\ud83d\ude00"], [0] * 6).tolist() == [0, 0, 2, 3, 3, 5]
