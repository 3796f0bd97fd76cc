"""Texts that people and machines send, what two equal answers are, and callers who give up."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st

from moderation.inference.batches import Batch
from moderation.inference.moderator import Result

CHECKS = settings(max_examples=150, derandomize=True)
FEW_CHECKS = settings(CHECKS, max_examples=60)

HOSTILE = [
    "",
    " ",
    "\x00",
    "a\x00b",
    "\ud800",
    "lone \udfff surrogate, then Paris",
    "\ud83d\ude00",
    "[SEP]",
    "[CLS] [MASK] [PAD] [UNK] [SEP]",
    "👩‍🚀👨‍👩‍👧‍👦🏳️‍🌈",
    "🇫🇷 Paris 🇫🇷",
    "\u202eevil\u202c \u200bzero\u200dwidth\ufeff",
    "مرحبا بالعالم",
    "שלום לכולם",
    "नमस्ते दुनिया",
    "한국어 텍스트",
    "東京は日本の首都です",
    "e\u0301\u0301\u0301 Z\u0351\u036b\u0343a\u0337lgo",
    "İstanbul ﬁnance ½ ﷺ ẞ",
    "\x1b[31mred\x1b[0m\x07\x08",
    "'; DROP TABLE comments; -- ${jndi:ldap://x} {{7*7}} <script>",
    "\u2028line\u2029paragraph\x85next\x1cfile",
    "\U000e0041\U0010ffff\ufffe\ufdd0",
    "*\u20e3 東\u093e京 !\u0903?",
    "x" * 300,
    "=1+1\t@SUM(A1)",
]
WORDS = ["Paris", "you", "idiot", "Angela", "Merkel", "wonderful", "don't", "@user", "http://x.y/z", "!!!", "1d10t"]

any_character = st.characters(codec=None, exclude_categories=())
sentences = st.lists(st.sampled_from(WORDS), max_size=120).map(" ".join)
mixtures = st.lists(st.sampled_from([*HOSTILE, *WORDS]), max_size=8).map("".join)
marks = st.text("aé *.!東京\u20e3\u093e\u0903\u0301\u200d\ufe0f", max_size=15)
texts = st.one_of(st.text(any_character, max_size=40), marks, st.sampled_from(HOSTILE), mixtures, sentences)
bodies = st.one_of(texts, st.none(), st.sampled_from(["[deleted]", "[removed]"]))


def spans(result: Result) -> list[tuple[int, int, str, str]]:
    """A result's entities without their scores."""
    return [(entity.start, entity.end, entity.type, entity.text) for entity in result.entities]


def assert_same(one: Result, two: Result, tolerance: float = 1e-4) -> None:
    """Two answers for one text agree in all but rounding and padding."""
    assert (one.status, one.status_reason) == (two.status, two.status_reason)
    assert (one.token_count, one.window_count) == (two.token_count, two.window_count)
    assert spans(one) == spans(two)
    assert one.evidence == two.evidence
    assert one.scores.keys() == two.scores.keys()
    for label, score in one.scores.items():
        assert abs(score - two.scores[label]) <= tolerance, label
    for mine, yours in zip(one.entities, two.entities, strict=True):
        assert abs(mine.score - yours.score) <= tolerance


def given_up(backend: Any, batches: list[Batch]) -> None:
    """Has a backend run batches for callers who stop reading after the first, or whose batches end in an error."""

    def source() -> Iterator[Batch]:
        yield from batches[: len(batches) // 2]
        raise KeyError("broken")

    for _ in range(3):
        running = backend.run(batches)
        next(running)
        running.close()
        with pytest.raises(KeyError, match="broken"):
            list(backend.run(source()))
