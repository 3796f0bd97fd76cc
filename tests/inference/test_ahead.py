"""Items made in a thread while their predecessor is in use."""

import threading
from collections.abc import Iterator

import pytest

from moderation.inference.feed import ahead


@pytest.mark.parametrize("count", [0, 1, 2, 50])
def test_items_come_in_order_and_all_of_them(count: int) -> None:
    assert list(ahead(iter(range(count)))) == list(range(count))


def test_items_that_are_none_or_false_are_items() -> None:
    assert list(ahead(iter([None, False, 0]))) == [None, False, 0]


def test_the_next_item_is_made_while_one_is_in_use_and_no_further() -> None:
    made, begun = [], [threading.Event() for _ in range(4)]

    def items() -> Iterator[int]:
        for number, event in enumerate(begun):
            made.append(number)
            event.set()
            yield number

    coming = ahead(items())
    for number in range(3):
        assert next(coming) == number
        assert begun[number + 1].wait(10), "the next one is under way"
        assert made == list(range(number + 2)), "and none after it"
    coming.close()


def test_items_are_made_in_another_thread() -> None:
    assert list(ahead(threading.get_ident() for _ in range(3))) != [threading.get_ident()] * 3


def test_an_exception_of_the_source_comes_after_the_items_before_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        yield 2
        raise KeyError("broken")

    coming, found = ahead(items()), []
    with pytest.raises(KeyError, match="broken"):
        for item in coming:
            found.append(item)
    assert found == [1, 2]


def test_who_stops_early_leaves_no_thread_behind() -> None:
    before = threading.active_count()
    coming = ahead(iter(range(100)))
    assert next(coming) == 0
    coming.close()
    assert threading.active_count() == before
