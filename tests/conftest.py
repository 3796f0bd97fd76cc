"""Fixtures that many tests share: a Spark session, a tiny model, the built-in model."""

import json
import logging
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("however busy the machine is", parent=settings(), deadline=None)
settings.load_profile("however busy the machine is")

os.environ["PYSPARK_PYTHON"] = sys.executable
os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"

LABELS = ("offensive", "toxicity", "severe_toxicity", "obscene", "threat", "insult", "identity_attack")
ENTITY_TYPES = ("PER", "ORG", "LOC", "MISC")
SHARED = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(autouse=True)
def loggers_of_a_fresh_process() -> Iterator[None]:
    """A command that a test or fixture runs in this process sets up logging as in its own; no test sees that."""
    log = logging.getLogger("moderation")
    log.handlers, log.propagate = [], True
    log.setLevel(logging.NOTSET)
    yield


@pytest.fixture(scope="session")
def spark() -> Iterator[object]:
    """A local session with the settings that the jobs use; jobs called in a test use it too."""
    from moderation.config import SparkSettings
    from moderation.spark.session import session

    conf = {"spark.sql.shuffle.partitions": "2", "spark.driver.memory": "1g"}
    with session(SparkSettings(master="local[2]", conf=conf)) as found:
        yield found


@pytest.fixture(scope="module")
def chromium() -> Iterator[object]:
    """Debian's chromium without a screen. One for each file of tests: a started playwright holds the thread's loop."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (extra dev)")
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        pytest.skip("chromium is not installed (Debian: apt-get install chromium)")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder with the built-in model's tokeniser and labels and a random two-layer network: fast, and wrong."""
    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def native_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same of sizes that the native encoder knows."""
    sizes = {"hidden_size": 128, "num_attention_heads": 4, "num_hidden_layers": 2, "intermediate_size": 320}
    return make_tiny_model(tmp_path_factory.mktemp("native"), **sizes)


@pytest.fixture(scope="session")
def case_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, and it reads the case of words."""
    sizes = {"hidden_size": 128, "num_attention_heads": 4, "num_hidden_layers": 2, "intermediate_size": 320}
    return make_tiny_model(tmp_path_factory.mktemp("case"), case=True, **sizes)


@pytest.fixture(scope="session")
def panel_models(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Three models of one vocabulary: two judge texts, one of them in shorter windows, and two know entities."""
    folder = tmp_path_factory.mktemp("panel")
    made = [
        make_tiny_model(folder / "rude", seed=5, labels=("rude", "kind"), entity_types=()),
        make_tiny_model(folder / "spam", seed=6, labels=("spam",), entity_types=("LOC", "ORG"), max_tokens=32),
        make_tiny_model(folder / "names", seed=7, labels=(), entity_types=("PER", "LOC"), max_tokens=128),
    ]
    tokenizer = made[2] / "tokenizer.json"  # the same vocabulary in another file, as hubs have it
    tokenizer.write_text(json.dumps(json.loads(tokenizer.read_text(encoding="utf-8")), indent=1), encoding="utf-8")
    return [str(model) for model in made]


def make_tiny_model(
    folder: Path,
    seed: int = 3,
    labels: tuple[str, ...] = LABELS,
    entity_types: tuple[str, ...] = ENTITY_TYPES,
    max_tokens: int = 64,
    case: bool = False,
    **sizes: int,
) -> Path:
    """Writes a complete model folder with random weights; `sizes` are other ones than the smallest."""
    import torch
    from transformers import BertConfig

    from moderation import resources
    from moderation.models.base import Base
    from moderation.models.load import load_tokenizer
    from moderation.models.multitask import MultiTaskBert
    from moderation.models.spec import ModelSpec
    from moderation.text.case import TYPES
    from moderation.training.finetune import save

    torch.manual_seed(seed)
    tokenizer = load_tokenizer(resources.builtin_model())
    small = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    types = {"type_vocab_size": TYPES} if case else {}
    config = BertConfig(vocab_size=tokenizer.get_vocab_size(), **types, **small | sizes)
    spec = ModelSpec(
        labels=labels,
        entity_types=entity_types,
        max_tokens=max_tokens,
        overlap=16,
        case=case,
        thresholds=dict.fromkeys(labels, 0.5),
    )
    network = MultiTaskBert(config, spec)
    for head in (network.label_head, network.tag_head):
        torch.nn.init.normal_(head.weight, std=1.0)  # spread out, so that answers differ from text to text
    save(network, Base(folder, config, tokenizer), spec, folder)
    return folder


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Labelled data that is not part of the project; tests that want it are skipped where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("the labelled data of ../shared is not here")
    return SHARED
