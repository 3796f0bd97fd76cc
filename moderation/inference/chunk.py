"""Texts that are tokenised, cut into windows, sorted and answered for together."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from moderation.inference.backend import Predictions
from moderation.inference.batches import Batch, padded, rows_within
from moderation.inference.tokenise import Tokens, tokenise, with_case
from moderation.models.load import specials
from moderation.text.windows import split

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from moderation.models.spec import ModelSpec

SPECIALS = 2  # the special tokens of each window: one before its text and one after
UNTAGGED = -1  # the tag of a token that no entity head has answered for


@dataclass(frozen=True)
class Windows:
    """The windows of many texts, in text order: window i is of text `owners[i]`, reads the flat tokens `starts[i]` to
    `ends[i]` and answers for `own_starts[i]` to `own_ends[i]`."""

    owners: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    own_starts: np.ndarray
    own_ends: np.ndarray

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each window, special tokens included."""
        return self.ends - self.starts + SPECIALS


def cut(tokens: Tokens, size: int, overlap: int) -> Windows:
    """Cuts the tokens of each text into windows of at most `size` tokens; a text without tokens has none."""
    lengths = tokens.lengths
    counts = np.where(lengths > 0, 1, 0)
    long = np.flatnonzero(lengths > size)
    pieces = {int(text): split(int(lengths[text]), size, overlap) for text in long}
    counts[long] = [len(found) for found in pieces.values()]
    owners = np.repeat(np.arange(len(lengths)), counts)
    bounds = np.stack([np.zeros(len(owners), np.int64), lengths[owners]] * 2, axis=1)
    firsts = np.concatenate([[0], np.cumsum(counts)])
    for text, found in pieces.items():
        bounds[firsts[text] : firsts[text + 1]] = found
    return Windows(owners, *(bounds + tokens.bounds[owners][:, None]).T)


@dataclass
class Chunk:
    """Prepared texts and, as batches come back, the network's answers: label logits per window, tag and confidence per
    token. `errors` tells why a text (by its number) failed; `pending` windows are still to be answered."""

    texts: list[str]
    rows: np.ndarray
    tokens: Tokens
    windows: Windows
    specials: tuple[int, int]
    logits: np.ndarray
    tags: np.ndarray
    confidence: np.ndarray
    pending: int
    errors: dict[int, str] = field(default_factory=dict)

    @classmethod
    def prepare(
        cls,
        tokenizer: "Tokenizer",
        texts: list[str],
        rows: np.ndarray,
        spec: "ModelSpec",
        tokens: Tokens | None = None,
    ) -> "Chunk":
        """Tokenises texts and cuts them as the model wants; `rows` are their numbers in the caller's list, and `tokens`
        what the tokenizer has made of them where another model has asked before."""
        tokens = tokenise(tokenizer, texts) if tokens is None else tokens
        tokens = with_case(tokens, texts) if spec.case else tokens
        windows = cut(tokens, spec.max_tokens - SPECIALS, spec.overlap)
        count, total = len(windows.owners), len(tokens.ids)
        logits = np.full((count, len(spec.outputs)), np.nan, np.float32)
        tags, confidence = np.full(total, UNTAGGED, np.int16), np.zeros(total, np.float32)
        return cls(texts, rows, tokens, windows, specials(tokenizer), logits, tags, confidence, count)

    def batches(self, budget: "Budget") -> Iterator[Batch]:
        """All windows once, longest first, so that memory peaks at once or not at all."""
        lengths = self.windows.lengths
        order = np.argsort(-lengths, kind="stable")
        while len(order):
            rows = rows_within(lengths[order[:1]], budget.tokens)
            chosen, order = order[:rows], order[rows:]
            ids = padded(self.tokens.ids, self.windows.starts[chosen], lengths[chosen], *self.specials)
            yield Batch(ids, lengths[chosen], chosen, self)

    def accept(self, batch: Batch, answer: Predictions) -> None:
        """Takes a batch's answers; of tokens that two windows share the one's that owns them."""
        chosen, windows = batch.windows, self.windows
        self.pending -= len(chosen)
        self.logits[chosen] = answer.logits
        if answer.tags is not None and answer.confidence is not None:
            positions = windows.starts[chosen][:, None] + np.arange(batch.ids.shape[1] - SPECIALS)
            own = (positions >= windows.own_starts[chosen][:, None]) & (positions < windows.own_ends[chosen][:, None])
            self.tags[positions[own]] = answer.tags[:, 1:-1][own]
            self.confidence[positions[own]] = answer.confidence[:, 1:-1][own]

    def refuse(self, batch: Batch, reason: str) -> None:
        """Gives up the text of a batch of one window."""
        self.pending -= len(batch.windows)
        self.errors[int(self.windows.owners[batch.windows[0]])] = reason


@dataclass
class Budget:
    """Padded tokens of a batch; it only shrinks, where memory turned out to be short."""

    tokens: int
