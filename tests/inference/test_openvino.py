"""OpenVINO answers as torch does, however many requests are in flight."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inference_helpers import FEW_CHECKS, HOSTILE, WORDS, assert_same, bodies

from moderation.errors import UsageError
from moderation.inference.devices import Device
from moderation.inference.engine import Engine
from moderation.inference.moderator import Moderator
from moderation.inference.openvino_backend import resolve_precision
from moderation.inference.openvino_model import runtime
from moderation.models.load import find_model

LONG = [" ".join(WORDS * count) for count in (3, 7, 12, 40)] + ["😀 東京 don't xqzwvk 1d10t! " * 60]
TEXTS = [*HOSTILE, *LONG, *(" ".join(WORDS[: 1 + count % 11] * (1 + count % 9)) for count in range(40))]


def load(folder: Path, backend: str, precision: str = "fp32", threads: int | None = None) -> Moderator:
    return Moderator(Engine(find_model(str(folder)), precision, Device("cpu", backend, threads), remember=False))


@pytest.fixture(scope="module")
def torch(tiny_model: Path) -> Moderator:
    return load(tiny_model, "torch")


@pytest.fixture(scope="module", params=[1, 2, 5])
def openvino(tiny_model: Path, request: pytest.FixtureRequest) -> Moderator:
    """With so many threads, and two requests more in flight."""
    return load(tiny_model, "openvino", threads=request.param)


def assert_all_same(one: Moderator, two: Moderator, texts: list[Any]) -> None:
    for mine, yours in zip(one.score(texts), two.score(texts), strict=True):
        assert_same(mine, yours)


def test_hostile_and_long_texts_are_answered_as_by_torch(torch: Moderator, openvino: Moderator) -> None:
    assert_all_same(openvino, torch, TEXTS)


@FEW_CHECKS
@given(texts=st.lists(bodies, max_size=8))
def test_any_texts_are_answered_as_by_torch(torch: Moderator, openvino: Moderator, texts: list[str | None]) -> None:
    assert_all_same(openvino, torch, texts)


def test_bf16_probabilities_are_close(torch: Moderator, tiny_model: Path) -> None:
    if "BF16" not in runtime().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        pytest.skip("this processor has no bf16 instructions")
    for full, rounded in zip(torch.score(TEXTS), load(tiny_model, "openvino", "bf16").score(TEXTS), strict=True):
        assert (full.status, full.token_count, full.window_count) == (
            rounded.status,
            rounded.token_count,
            rounded.window_count,
        )
        for label, score in full.scores.items():
            assert abs(score - rounded.scores[label]) < 0.03, label


@pytest.mark.parametrize(
    ("wanted", "capabilities", "expected"),
    [
        ("auto", ["FP32", "BF16", "INT8"], "bf16"),
        ("auto", ["FP32", "INT8"], "fp32"),
        ("fp32", ["FP32", "BF16"], "fp32"),
        ("int8", ["FP32"], "int8"),
        ("bf16", ["BF16"], "bf16"),
    ],
)
def test_auto_is_bf16_where_the_processor_has_it_and_what_is_named_is_taken(
    wanted: str, capabilities: list[str], expected: str
) -> None:
    assert resolve_precision(wanted, capabilities) == expected


def test_bf16_on_a_processor_without_it_is_refused() -> None:
    with pytest.raises(UsageError, match="precision 'bf16': this processor has no bf16"):
        resolve_precision("bf16", ["FP32", "INT8"])
