"""A fast moderator whose answers are exact enough to be compared."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer

import moderation
from moderation.inference.moderator import Moderator


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """In a network this small a second thread only gets in the way of the first."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def moderator(tiny_model: Path) -> Moderator:
    """The tiny model in fp32."""
    return moderation.load(str(tiny_model), "fp32")


@pytest.fixture(scope="session")
def tokenizer(moderator: Moderator) -> Tokenizer:
    """The tokenizer of BERT, English, lower case."""
    return moderator.engine.tokenizer
