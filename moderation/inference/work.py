"""What scoring took: the figures of the run report."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields


@dataclass
class Work:
    """Sums over any number of calls.

    `duplicates` are texts that were answered by an equal text's answer. `computed_tokens` are those of all windows,
    special tokens included; `padded_tokens` are what the models ran on, padding included; `operations` are the
    floating-point operations of the computed tokens. Windows, tokens and operations of several models are added up.
    Tokenising and decoding overlap with the model where there are threads to spare, so the seconds may add up to more
    than went by.
    """

    texts: int = 0
    duplicates: int = 0
    windows: int = 0
    computed_tokens: int = 0
    padded_tokens: int = 0
    operations: float = 0.0
    tokenise_seconds: float = 0.0
    model_seconds: float = 0.0
    decode_seconds: float = 0.0

    def __iadd__(self, other: "Work") -> "Work":
        for field in fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))
        return self

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Adds the seconds that a block takes to a field."""
        started = time.perf_counter()
        try:
            yield
        finally:
            setattr(self, name, getattr(self, name) + time.perf_counter() - started)

    @property
    def padding_waste(self) -> float:
        """The share of the tokens that the model ran on which are padding."""
        return 1 - self.computed_tokens / self.padded_tokens if self.padded_tokens else 0.0

    @property
    def duplicate_share(self) -> float:
        """The share of texts that needed no model because an equal one had been scored."""
        return self.duplicates / self.texts if self.texts else 0.0
