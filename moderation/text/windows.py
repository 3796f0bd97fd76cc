"""Long text as overlapping windows of tokens."""

from typing import NamedTuple


class Window(NamedTuple):
    """Tokens `start` to `end` (exclusive) of a text, of which the window answers for `own_start` to `own_end`.

    Windows overlap so that each token is seen with context; each token is owned by exactly one window, the one in
    which it stands furthest from an edge.
    """

    start: int
    end: int
    own_start: int
    own_end: int


def split(length: int, size: int, overlap: int) -> list[Window]:
    """Cuts `length` tokens into the fewest windows of at most `size` that share at least `overlap` with the next.

    All windows of a text are equally long, so that none is a scrap without context and no token is computed more
    often than the overlap asks for. No tokens, no windows.
    """
    if not 0 <= overlap < size:
        raise ValueError(f"overlap {overlap} must be at least 0 and less than the window size {size}")
    if length == 0:
        return []
    count = 1 + max(0, -(-(length - size) // (size - overlap)))
    width = -(-(length + (count - 1) * overlap) // count)
    starts = [number * (length - width) // (count - 1) for number in range(count)] if count > 1 else [0]
    ends = [start + width for start in starts]
    seams = [(end + start) // 2 for end, start in zip(ends, starts[1:], strict=False)]
    return [Window(*row) for row in zip(starts, ends, [0, *seams], [*seams, length], strict=True)]
