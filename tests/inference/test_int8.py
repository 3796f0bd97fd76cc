"""int8: quantised after training, on made-up comments, with what does not bear it left alone."""

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from moderation.inference.devices import Device
from moderation.inference.engine import Engine
from moderation.inference.openvino_graph import Graph
from moderation.inference.openvino_int8 import WINDOWS, calibration_windows, kept_exact, quiet, sensitive
from moderation.inference.openvino_model import convert
from moderation.models.load import find_model, load_multitask

pytest.importorskip("nncf", reason="int8 is an extra: pip install 'moderation-batch[int8]'")
OPENVINO = Device("cpu", "openvino")


@pytest.fixture(scope="module")
def graph(tiny_model: Path) -> Graph:
    return Graph(load_multitask(find_model(str(tiny_model)))).eval()


def test_calibration_reads_made_up_comments_no_longer_than_a_window(tiny_model: Path) -> None:
    source = find_model(str(tiny_model))
    windows = calibration_windows(source)
    assert len(windows) == WINDOWS
    assert all(3 <= len(window) <= source.spec.max_tokens for window in windows)
    assert {(int(window[0]), int(window[-1])) for window in windows} == {(101, 102)}
    assert [window.tolist() for window in windows] == [window.tolist() for window in calibration_windows(source)]


def test_a_layer_in_which_one_channel_towers_above_the_others_is_sensitive(graph: Graph) -> None:
    import torch

    windows = [np.array([101, 2000 + number, 2100, 102]) for number in range(5)]
    assert sensitive(graph, windows) == []
    dense = graph.layers[1].intermediate.dense
    before = dense.bias.detach().clone()
    with torch.no_grad():
        dense.bias[3] += 50
    try:
        assert sensitive(graph, windows) == [1]
    finally:
        with torch.no_grad():
            dense.bias.copy_(before)


def test_attention_heads_and_sensitive_layers_stay_exact(tiny_model: Path) -> None:
    model = convert(find_model(str(tiny_model)))
    names = kept_exact(model, [1])
    assert sum("tag_head" in name for name in names) == 1
    assert any("layers.1.output.dense" in name for name in names)
    assert not any("layers.0.output.dense" in name for name in names)
    assert not any("intermediate" in name or "query" in name for name in names)
    kinds = {op.get_type_name() for op in model.get_ops() if op.get_friendly_name() in names}
    assert kinds == {"MatMul", "ScaledDotProductAttention"}


def test_progress_bars_are_drawn_again_afterwards() -> None:
    from rich.progress import Progress

    before = Progress.start
    with quiet():
        assert Progress.start is not before
    assert Progress.start is before


def test_handlers_that_others_attached_hear_as_much_as_before(caplog: pytest.LogCaptureFixture) -> None:
    with quiet():
        pass
    logging.getLogger("moderation").warning("heard")
    assert caplog.messages == ["heard"]


@pytest.fixture(scope="module")
def texts() -> Iterator[list[str]]:
    """Made-up comments other than those that calibration saw."""
    from moderation.sample import sample_texts

    yield sample_texts(1500, seed=1)


@pytest.mark.slow
def test_the_built_in_model_answers_in_int8_nearly_as_in_fp32(texts: list[str]) -> None:
    source = find_model("builtin")
    full = Engine(source, "fp32", OPENVINO, remember=False).score(texts)
    small = Engine(source, "int8", OPENVINO, remember=False).score(texts)
    known = ~np.isnan(full.scores).any(axis=1)
    assert (np.isnan(small.scores).any(axis=1) == ~known).all()
    one, two = full.scores[known], small.scores[known]
    thresholds = np.array([source.spec.thresholds[label] for label in source.spec.labels])
    assert np.abs(one - two).max() < 0.1  # 0.065 on 20,000 real comments
    assert ((one >= thresholds) != (two >= thresholds)).mean() < 0.005
    found = [set(zip(s.texts, s.starts, s.ends, s.types, strict=True)) for s in (full.spans, small.spans)]
    assert len(found[0] & found[1]) / len(found[0] | found[1]) > 0.85
