"""The models of an engine, loaded: what cuts a model's windows, what answers them, and where its answers go."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from moderation.errors import UsageError
from moderation.inference.backend import Backend
from moderation.inference.chunk import Budget
from moderation.inference.devices import Device, load_backend
from moderation.models.load import ModelSource, load_tokenizer
from moderation.models.panel import Panel
from moderation.text.digest import text_digest

if TYPE_CHECKING:
    from tokenizers import Tokenizer


@dataclass
class Member:
    """One model of a panel.

    `columns` are its labels' among those of all models, `kinds` the numbers of its entity types among theirs. `number`
    is its place in the panel, and `name`, empty where it is alone, says in a row's reason which model has failed.
    Models whose tokenizers are alike hold one tokenizer, of which each text is tokenised once.
    """

    source: ModelSource
    tokenizer: "Tokenizer"
    backend: Backend
    budget: Budget
    columns: slice
    kinds: np.ndarray
    number: int = 0
    name: str = ""

    def blame(self, reason: str) -> str:
        """The reason of a row on which this model failed."""
        return f"{reason}:{self.name}" if self.name else reason


def load_members(
    panel: Panel, precision: str, device: Device, token_budget: int | None = None, entities: bool = True
) -> list[Member]:
    """Loads the models of a panel one after the other; each has a backend and a budget of its own."""
    found: list[Member] = []
    tokenizers: dict[str, Tokenizer] = {}
    column = 0
    for number, source in enumerate(panel.sources):
        tokenizer = checked_tokenizer(source)
        if len(panel.sources) > 1:
            # as `load_tokenizer` has left it: files often differ in padding and truncation alone
            tokenizer = tokenizers.setdefault(text_digest(tokenizer.to_str()), tokenizer)
        backend = load_backend(source, precision, device, entities)
        member = Member(
            source,
            tokenizer,
            backend,
            Budget(token_budget or backend.token_budget),
            slice(column, column + len(source.spec.labels)),
            np.array([panel.entity_types.index(name) for name in source.spec.entity_types], np.int64),
            number,
            panel.names[number] if len(panel.sources) > 1 else "",
        )
        column = member.columns.stop
        found.append(member)
    return found


def checked_tokenizer(source: ModelSource) -> "Tokenizer":
    """A model's tokenizer; raises `UsageError` where it knows tokens that the encoder does not."""
    tokenizer = load_tokenizer(source.folder)
    largest, rows = max(tokenizer.get_vocab().values()), source.shape.vocabulary
    if largest >= rows:
        raise UsageError(f"model {source.folder}: tokenizer.json has ids up to {largest}, the encoder knows {rows}")
    return tokenizer
