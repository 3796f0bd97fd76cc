"""Every family of networks on every backend: the answers of transformers' own class."""

from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from families import FAMILIES, SIZE, make

from moderation.errors import UsageError
from moderation.inference import openvino_model
from moderation.inference.backend import Predictions, best_tags
from moderation.inference.batches import Batch
from moderation.inference.devices import Device, load_backend
from moderation.inference.engine import Engine
from moderation.models.load import ModelSource, find_model

NAMES = {"Sequence": ["calm", "rude", "vile"], "Token": ["O", "B-PER", "I-PER", "S-LOC"]}
LENGTHS = np.array([13, 9, 5, 2, 60, 33])


EACH = [(family, head) for family in FAMILIES for head in NAMES]
QUICK = [("roberta", "Sequence"), ("roberta", "Token"), ("bert", "Token")]  # conversions take seconds each


@pytest.fixture(scope="module", params=EACH, ids="-".join)
def plain(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A model of a family in transformers' layout, and its head."""
    family, head = request.param
    return make(tmp_path_factory.mktemp("plain") / f"{family}-{head}", family, head, NAMES[head]), head


@pytest.fixture(scope="module")
def source(plain: tuple[Path, str]) -> ModelSource:
    return find_model(str(plain[0]))


def batch() -> Batch:
    """Random tokens, none of them special, padded with zeros as the engine does."""
    ids = np.random.default_rng(1).integers(5, SIZE, (len(LENGTHS), int(LENGTHS.max())))
    ids[np.arange(ids.shape[1]) >= LENGTHS[:, None]] = 0
    return Batch(ids, LENGTHS, np.arange(len(LENGTHS)))


def own_logits(folder: Path, head: str, given: Batch) -> np.ndarray:
    """What transformers' class says, loaded by transformers, of a batch padded as transformers pads."""
    network = getattr(transformers, f"AutoModelFor{head}Classification").from_pretrained(folder).eval()
    mask = np.arange(given.ids.shape[1]) < given.lengths[:, None]
    ids = np.where(mask, given.ids, network.config.pad_token_id)
    with torch.inference_mode():
        found = network(input_ids=torch.from_numpy(ids), attention_mask=torch.from_numpy(mask.astype(np.int64)))
    return found.logits.numpy()  # type: ignore[no-any-return]


def assert_answers_as_transformers(folder: Path, head: str, backend: str) -> None:
    source, given = find_model(str(folder)), batch()
    ((_, answer),) = load_backend(source, "fp32", Device("cpu", backend, threads=1)).run([given])
    assert isinstance(answer, Predictions)
    expected = own_logits(folder, head, given)
    assert np.ptp(expected.reshape(-1, expected.shape[-1]), axis=0).min() > 0.3, "else the test would tell nothing"
    if head == "Sequence":
        np.testing.assert_allclose(answer.logits, expected, atol=1e-3)
        assert answer.tags is None and source.spec.labels == tuple(NAMES[head])
        return
    inside = np.arange(given.ids.shape[1]) < given.lengths[:, None]
    tags, confidence = best_tags(expected)
    assert answer.logits.shape == (len(LENGTHS), 0) and answer.confidence is not None and answer.tags is not None
    np.testing.assert_allclose(answer.confidence[inside], confidence[inside], atol=1e-3)
    assert (answer.tags[inside] == tags[inside]).mean() > 0.99


def test_torch_answers_as_transformers_own_class(plain: tuple[Path, str]) -> None:
    assert_answers_as_transformers(*plain, "torch")


@pytest.mark.parametrize(
    "names", [pair if pair in QUICK else pytest.param(pair, marks=pytest.mark.slow) for pair in EACH], ids="-".join
)
def test_openvino_answers_as_transformers_own_class(tmp_path: Path, names: tuple[str, str]) -> None:
    family, head = names
    assert_answers_as_transformers(make(tmp_path / "model", family, head, NAMES[head]), head, "openvino")


def test_spans_and_scores_of_long_texts_are_found_with_every_tokenizer(source: ModelSource) -> None:
    body = "  Anna went to Paris, you idiot! 東京 😂 " * 9
    engine = Engine(source, "fp32", Device("cpu", "torch", 1), remember=False)
    scored = engine.score([body, "ok", None])
    assert [scored.status(row) for row in range(3)] == ["scored", "scored", "skipped"]
    assert scored.windows[0] > 1
    if source.spec.labels:
        np.testing.assert_allclose(scored.scores[1].sum(), 1, atol=1e-5)
    reach = 0
    for row, start, end, *_ in scored.spans.rows():
        if row == 0:
            assert reach <= start < end and body[start:end] == body[start:end].strip()
            reach = end


def test_a_network_that_cannot_be_converted_runs_on_torch_with_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def failing(*arguments: object, **more: object) -> object:
        raise RuntimeError("no such operation")

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    source = find_model(str(make(tmp_path / "model", "distilbert", "Token", NAMES["Token"])))
    monkeypatch.setattr(openvino_model.runtime(), "convert_model", failing)
    assert load_backend(source, "fp32", Device("cpu")).name == "torch fp32 on cpu"
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "no such operation" in caplog.text
    for precision, backend in (("fp32", "openvino"), ("int8", "auto")):
        with pytest.raises(UsageError, match="no such operation"):
            load_backend(source, precision, Device("cpu", backend))


def test_converted_networks_of_other_families_are_kept_apart(tmp_path: Path) -> None:
    keys = set()
    for family, head, seed in [("bert", "Sequence", 0), ("bert", "Sequence", 1), ("electra", "Sequence", 0)]:
        found = find_model(str(make(tmp_path / f"{family}{seed}", family, head, NAMES[head], seed)))
        keys |= {openvino_model.key(found, quantised, True) for quantised in (False, True)}
    assert len(keys) == 6
