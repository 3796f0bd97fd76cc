"""Fast moderators whose answers are exact enough to be compared."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer

from moderation.inference.devices import Device
from moderation.inference.engine import Engine
from moderation.inference.moderator import Moderator
from moderation.inference.openvino_model import runtime
from moderation.models.load import find_model

runtime()  # before a test imports nncf, which by itself would phone home as openvino would
BACKENDS = {
    "torch": Device("cpu", "torch"),
    "openvino": Device("cpu", "openvino"),
}


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """In a network this small a second thread only gets in the way of the first."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Converted models of the tests are kept apart from the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session", params=BACKENDS)
def moderator(tiny_model: Path, request: pytest.FixtureRequest) -> Moderator:
    """The tiny model in fp32, on each backend; it remembers nothing, so that every call asks the model."""
    return Moderator(Engine(find_model(str(tiny_model)), "fp32", BACKENDS[request.param], remember=False))


@pytest.fixture(scope="session")
def tokenizer(tiny_model: Path) -> Tokenizer:
    """The tokenizer of BERT, English, lower case."""
    from moderation.models.load import load_tokenizer

    return load_tokenizer(tiny_model)
