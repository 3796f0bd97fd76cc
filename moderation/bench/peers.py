"""The ways of scoring that are compared, all with the weights of the built-in model."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from moderation.inference.devices import Device
from moderation.inference.engine import Engine
from moderation.inference.work import Work
from moderation.models.load import ModelSource
from moderation.models.spec import ModelSpec
from moderation.text.case import FACTOR, types_at


@dataclass(frozen=True)
class Counts:
    """Tokens of texts: `read` without special ones and each once, `computed` as the model gets them, special tokens
    and what windows share included, and `padded` as it runs on them."""

    read: int
    computed: int
    padded: int

    @property
    def padding_waste(self) -> float:
        """The share of the tokens that a model runs on which are padding."""
        return 1 - self.computed / self.padded if self.padded else 0.0


class Peer(Protocol):
    """A way of scoring texts."""

    name: str

    def score(self, texts: list[str]) -> object:
        """Scores the texts; this is what is timed."""

    def probabilities(self, texts: list[str]) -> np.ndarray:
        """The calibrated probabilities [texts, labels]; this is what is compared."""

    def counts(self, texts: list[str]) -> Counts:
        """How many tokens `score` computes."""


def case_of(text: str, offsets: "np.typing.ArrayLike") -> np.ndarray:
    """What the case of words adds to the ids of a text's tokens with these offsets [tokens, 2], int64; special tokens
    and padding have none, and stand for no character."""
    starts, ends = np.asarray(offsets, np.int64).reshape(-1, 2).T
    types = types_at([text], np.zeros(len(starts), np.int64), starts)
    return FACTOR * np.where(ends > starts, types, 0).astype(np.int64)


class EnginePeer:
    """Our engine as every caller has it: tokenising, windows, scores and entity spans. It remembers nothing from one
    round to the next."""

    def __init__(
        self, source: ModelSource, precision: str, backend: str = "auto", entities: bool = True, name: str = ""
    ) -> None:
        self.name = name or f"engine_{precision}"
        self.engine = Engine(source, precision, Device("cpu", backend), entities=entities, remember=False)
        self.work = Work()

    def score(self, texts: list[str]) -> object:
        """Scores every token of the texts."""
        scored = self.engine.score(texts)
        self.work = scored.work
        return scored

    def probabilities(self, texts: list[str]) -> np.ndarray:
        """The engine's own probabilities."""
        return self.engine.score(texts).scores

    def counts(self, texts: list[str]) -> Counts:
        """The engine's own counts; a token that two windows share is read once."""
        scored = self.engine.score(texts)
        return Counts(int(scored.tokens.sum()), scored.work.computed_tokens, scored.work.padded_tokens)


def calibrated(probabilities: np.ndarray, spec: ModelSpec) -> np.ndarray:
    """Plain sigmoids [texts, labels] as the engine would give them: no other library knows of the calibration."""
    tiny = np.finfo(np.float32).tiny
    logits = np.log(np.maximum(probabilities, tiny)) - np.log(np.maximum(1 - probabilities, 2**-25))
    return spec.calibrator().apply(logits)
