"""Models that read the case of words give the answer that their network gives, whatever runs it."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from moderation.audit.attribution import Attributor
from moderation.bench.lists import DetoxifyPeer, PipelinePeer
from moderation.bench.onnx import OnnxPeer
from moderation.errors import UsageError
from moderation.inference.backend import Predictions
from moderation.inference.batches import Batch
from moderation.inference.cuda_backend import CudaBackend
from moderation.inference.devices import Device
from moderation.inference.engine import Engine
from moderation.inference.native.backend import unavailable
from moderation.inference.tokenise import tokenise, with_case
from moderation.inference.torch_backend import TorchBackend
from moderation.models.base import load_base
from moderation.models.load import find_model, load_multitask, load_tokenizer
from moderation.models.panel import find_panel
from moderation.text.case import ALL, FACTOR, FIRST, LOWER, MIXED, TYPES, parted
from moderation.training.teacher import load_teacher

TEXTS = ["Rose met Mark in PARIS", "rose met mark in paris", "I saw an iPhone 😂 Again", " spaced  OUT ", "É \u0301X"]
HOW = [("fp32", "torch", 1e-5), ("fp32", "openvino", 1e-3), ("bf16", "native", 0.03), ("int8", "native", 0.1)]


def by_transformers(model: Path) -> np.ndarray:
    """The scores that transformers' encoder gives under our heads, with the types as an argument of their own."""
    source = find_model(str(model))
    network, tokenizer, found = load_multitask(source), load_tokenizer(source.folder), []
    first, last = tokenizer.encode("").ids
    for text in TEXTS:
        words, types = (part.tolist() for part in parted(with_case(tokenise(tokenizer, [text]), [text]).ids))
        given = {"input_ids": [[first, *words, last]], "token_type_ids": [[0, *types, 0]]}
        with torch.inference_mode():
            states = network.encoder(**{name: torch.tensor(row) for name, row in given.items()}).last_hidden_state
            found.append(torch.sigmoid(network.label_head(states.mean(1)))[0].numpy())
    return np.stack(found)


def test_all_pieces_of_a_word_have_its_case(case_model: Path) -> None:
    tokenizer, texts = load_tokenizer(case_model), ["an unpronounceable", "UNPRONOUNCEABLE", "", "Xqzwvk iPhone"]
    tokens = with_case(tokenise(tokenizer, texts), texts)
    plain, types = parted(tokens.ids)
    assert plain.tolist() == tokenise(tokenizer, texts).ids.tolist()
    cases = [set(types[low:high].tolist()) for low, high in zip(tokens.bounds, tokens.bounds[1:], strict=False)]
    assert cases == [{LOWER}, {ALL}, set(), {FIRST, MIXED}]


@pytest.mark.parametrize(("precision", "backend", "tolerance"), HOW)
def test_every_backend_reads_case_as_transformers_does(
    case_model: Path, precision: str, backend: str, tolerance: float
) -> None:
    if backend == "native" and (why := unavailable(None, precision)):
        pytest.skip(why)
    scored = Engine.load(str(case_model), precision, Device("cpu", backend)).score(TEXTS)
    np.testing.assert_allclose(scored.scores, by_transformers(case_model), atol=tolerance)
    assert np.abs(scored.scores[0] - scored.scores[1]).max() > 2 * tolerance


def test_packed_sequences_read_case_as_padded_ones_do(case_model: Path) -> None:
    network = load_multitask(find_model(str(case_model)))
    random, lengths = np.random.default_rng(4), np.array([9, 4, 7])
    ids = random.integers(1000, 30000, (3, 9)) + FACTOR * random.integers(0, TYPES, (3, 9))
    batch, found = Batch(ids, lengths, np.arange(3)), []
    for backend in (CudaBackend(network, "fp32", "cpu"), TorchBackend(network, "fp32", "cpu")):
        ((_, answer),) = backend.run([batch])
        assert isinstance(answer, Predictions)
        found.append(answer.logits)
    np.testing.assert_allclose(*found, atol=1e-4)


def test_a_model_beside_one_that_reads_case_sees_none_of_it(case_model: Path, tiny_model: Path, tmp_path: Path) -> None:
    other = tmp_path / "renamed"
    shutil.copytree(tiny_model, other)
    config = json.loads((other / "config.json").read_text(encoding="utf-8"))
    own = config["moderation"]
    own["labels"] = own["outputs"] = [f"other_{label}" for label in own["labels"]]
    own["thresholds"] = {f"other_{label}": value for label, value in own["thresholds"].items()}
    (other / "config.json").write_text(json.dumps(config), encoding="utf-8")
    alone = [Engine.load(str(model), "fp32").score(TEXTS).scores for model in (case_model, other)]
    for order in (1, -1):
        together = Engine(find_panel([str(case_model), str(other)][::order]), "fp32").score(TEXTS).scores
        np.testing.assert_allclose(together, np.hstack(alone[::order]), atol=1e-4)


def test_attributions_add_up_though_case_is_no_word(case_model: Path) -> None:
    source = find_model(str(case_model))
    for found in Attributor(source).attribute(TEXTS[:3], [source.spec.labels[0]] * 3):
        assert found.complete


def changed(model: Path, folder: Path, case: bool) -> str:
    """A copy of a model folder that says that it reads case, or that it does not."""
    shutil.copytree(model, folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config["moderation"]["case"] = case
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return str(folder)


def test_a_folder_whose_encoder_has_no_room_for_case_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="type_vocab_size 5"):
        find_model(changed(tiny_model, tmp_path / "m", case=True))


def test_whether_case_is_read_is_part_of_what_the_network_is(case_model: Path, tmp_path: Path) -> None:
    without = changed(case_model, tmp_path / "m", case=False)
    assert find_model(without).network_id != find_model(str(case_model)).network_id


@pytest.mark.parametrize("peer", [DetoxifyPeer, PipelinePeer, OnnxPeer])
def test_the_peers_of_the_benchmark_read_case_as_well(case_model: Path, peer: Any) -> None:
    source = find_model(str(case_model))
    made = peer(source, "fp32" if peer is OnnxPeer else 2)
    np.testing.assert_allclose(made.probabilities(TEXTS), by_transformers(case_model), atol=1e-4)


def test_a_student_that_reads_case_learns_from_teachers_that_do_or_do_not(case_model: Path, tmp_path: Path) -> None:
    base = load_base(str(case_model))
    spec = find_model(str(case_model)).spec
    without = changed(case_model, tmp_path / "m", case=False)
    ids = torch.tensor([[101, 2 * FACTOR + 3123, 4 * FACTOR + 2000, 102]])
    answers = []
    for folder in (str(case_model), without):
        teacher = load_teacher(folder, spec, base, 1.0, "cpu")
        answers.append(teacher.logits(ids, torch.ones_like(ids))[0])
        plain = teacher.logits(parted(ids)[0], torch.ones_like(ids))[0]
        assert torch.allclose(answers[-1], plain) == (folder == without)
    assert not torch.allclose(*answers)
    with pytest.raises(UsageError, match="case: true"):
        load_teacher(str(case_model), spec.model_copy(update={"case": False}), base, 1.0, "cpu")
