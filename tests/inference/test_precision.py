"""Half precision answers nearly as full precision does."""

from pathlib import Path

import pytest
import torch
from inference_helpers import HOSTILE, WORDS

import moderation
from moderation.inference.moderator import Moderator
from moderation.inference.torch_backend import resolve_precision

TEXTS = [*HOSTILE, *(" ".join(WORDS[: 1 + count % 11] * (1 + count % 9)) for count in range(40)), "you idiot " * 150]


@pytest.fixture(scope="module")
def half(tiny_model: Path) -> Moderator:
    return moderation.load(str(tiny_model), "bf16")


def test_bf16_probabilities_are_close_to_fp32(moderator: Moderator, half: Moderator) -> None:
    for text, full, rounded in zip(TEXTS, moderator.score(TEXTS), half.score(TEXTS), strict=True):
        assert (full.status, full.token_count, full.window_count) == (
            rounded.status,
            rounded.token_count,
            rounded.window_count,
        )
        for label, score in full.scores.items():
            assert abs(score - rounded.scores[label]) < 0.03, (text, label)


def test_the_network_has_the_precision_that_was_asked_for(moderator: Moderator, half: Moderator) -> None:
    for found, dtype in ((moderator, torch.float32), (half, torch.bfloat16)):
        assert {weight.dtype for weight in found.engine.backend.network.parameters()} == {dtype}


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
