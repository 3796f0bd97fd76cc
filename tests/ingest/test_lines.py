"""Pieces of a file become its lines with their numbers, however the pieces are cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.ingest import lines as module
from moderation.ingest.lines import blocks


def cut(content: bytes, size: int) -> list[bytes]:
    return [content[start : start + size] for start in range(0, len(content), size)]


def numbered(content: bytes, size: int) -> list[tuple[int, bytes]]:
    found = []
    for block in blocks(cut(content, size)):
        found += list(enumerate(block.content.split(b"\n"), block.first))
    return found


@given(content=st.binary(max_size=60).map(lambda data: data.replace(b"a", b"\n")), size=st.integers(1, 70))
def test_all_lines_come_once_with_their_numbers(content: bytes, size: int) -> None:
    content = content.removeprefix(module.BOM)
    expected = content.split(b"\n")
    if expected[-1] == b"":
        expected.pop()  # the end of the last line begins no other
    assert numbered(content, size) == list(enumerate(expected, 1))


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_a_mark_of_the_byte_order_is_no_part_of_the_first_line(size: int) -> None:
    assert numbered(module.BOM + b"one\ntwo", size) == [(1, b"one"), (2, b"two")]


@pytest.mark.parametrize("size", [1, 7, 50])  # a piece is smaller than the limit
def test_a_line_beyond_the_limit_is_told_by_its_beginning_and_its_length(size: int, monkeypatch) -> None:
    monkeypatch.setattr(module, "LONGEST_LINE", 50)
    content = b"one\n" + b"x" * 51 + b"\n" + b"y" * 50 + b"\n" + b"z" * 900
    found = [(block.first, block.too_long) for block in blocks(cut(content, size)) if block.too_long]
    assert found == [(2, 51), (4, 900)]
    held = [block for block in blocks(cut(content, size)) if not block.too_long]
    assert b"y" * 50 in b"\n".join(block.content for block in held)


def test_a_line_is_never_held_beyond_the_limit(monkeypatch) -> None:
    monkeypatch.setattr(module, "LONGEST_LINE", 1000)
    carry = module.Carry()
    for _ in range(100):
        carry.add(b"x" * 300)
        assert sum(map(len, carry.parts)) <= 2000
    assert carry.size == 30_000
