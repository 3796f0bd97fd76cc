"""Half precision answers nearly as full precision does."""

from pathlib import Path

import pytest
import torch
from inference_helpers import HOSTILE, WORDS

import moderation
from moderation.errors import UsageError
from moderation.inference.devices import Device
from moderation.inference.moderator import Moderator
from moderation.inference.torch_backend import TorchBackend, resolve_precision

TEXTS = [*HOSTILE, *(" ".join(WORDS[: 1 + count % 11] * (1 + count % 9)) for count in range(40)), "you idiot " * 150]


@pytest.fixture(scope="module", params=["fp32", "bf16"])
def plain(tiny_model: Path, request: pytest.FixtureRequest) -> Moderator:
    """The torch backend in each precision."""
    return moderation.load(str(tiny_model), request.param, Device("cpu", "torch"))


def test_bf16_probabilities_are_close_to_fp32(tiny_model: Path) -> None:
    both = [moderation.load(str(tiny_model), name, Device("cpu", "torch")).score(TEXTS) for name in ("fp32", "bf16")]
    for text, full, rounded in zip(TEXTS, *both, strict=True):
        for name in ("status", "status_reason", "token_count", "window_count"):
            assert getattr(full, name) == getattr(rounded, name)
        for label, score in full.scores.items():
            assert abs(score - rounded.scores[label]) < 0.03, (text, label)


def test_the_network_has_the_precision_that_was_asked_for(plain: Moderator) -> None:
    backend = plain.engine.members[0].backend
    assert isinstance(backend, TorchBackend)
    expected = {"fp32": torch.float32, "bf16": torch.bfloat16}[backend.precision]
    assert {weight.dtype for weight in backend.network.parameters()} == {expected}
    assert backend.name == f"torch {backend.precision} on cpu"


@pytest.mark.parametrize("wanted", ["int8", "fp16", ""])
def test_a_precision_that_torch_does_not_run_is_named(wanted: str) -> None:
    with pytest.raises(UsageError, match=f"precision '{wanted}' is none of auto, fp32, bf16"):
        resolve_precision(wanted, "cpu")


@pytest.mark.parametrize("wanted", ["fp32", "bf16"])
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_a_precision_that_is_named_is_taken(wanted: str, device: str) -> None:
    assert resolve_precision(wanted, device) == wanted


@pytest.mark.parametrize(
    ("features", "expected"),
    [
        ({}, "fp32"),
        ({"avx512_f": True, "avx512_bf16": False, "amx_bf16": False}, "fp32"),
        ({"avx512_bf16": True}, "bf16"),
        ({"amx_bf16": True}, "bf16"),
    ],
)
def test_auto_is_bf16_where_the_processor_has_it(
    monkeypatch: pytest.MonkeyPatch, features: dict[str, bool], expected: str
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: features)
    assert resolve_precision("auto", "cpu") == expected


def test_auto_is_bf16_on_any_gpu() -> None:
    assert resolve_precision("auto", "cuda") == "bf16"
