"""Post-training quantisation of an OpenVINO model to int8 products, by nncf."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from moderation.inference.chunk import SPECIALS, Chunk
from moderation.models.load import load_tokenizer

if TYPE_CHECKING:
    from moderation.inference.openvino_graph import Graph, Traced
    from moderation.models.load import ModelSource

WINDOWS = 300  # nncf's own default for its subset
OUTLIERS = 5.0  # times the median channel's largest activation; see `sensitive`
SEED = 11
HEADS = ("_head/", "classifier", "pooler")  # parts of the names of operations behind the encoder


def quantise(model: Any, graph: "Graph | Traced", source: "ModelSource") -> Any:
    """The model with its matrix products in int8, but for attention, the heads and the layers that do not bear it.

    Activations are quantised symmetrically: with offsets OpenVINO took kernels no faster than those of bf16. The ranges
    are measured on made-up comments.
    """
    import nncf

    from moderation.inference.openvino_graph import Graph

    windows = calibration_windows(source)
    inputs = [{"ids": window[None], "lengths": np.array([len(window)])} for window in windows]
    layers = sensitive(graph, windows) if isinstance(graph, Graph) else []
    with quiet():
        return nncf.quantize(
            model,
            nncf.Dataset(inputs),
            subset_size=len(inputs),
            model_type=nncf.ModelType.TRANSFORMER,
            preset=nncf.QuantizationPreset.PERFORMANCE,
            ignored_scope=nncf.IgnoredScope(names=kept_exact(model, layers)),
        )


def calibration_windows(source: "ModelSource") -> list[np.ndarray]:
    """Token ids of made-up comments, special tokens included, each at most one window long."""
    from moderation.sample import sample_texts

    tokenizer = load_tokenizer(source.folder)
    texts = sample_texts(2 * WINDOWS, SEED)
    chunk = Chunk.prepare(tokenizer, texts, np.arange(len(texts)), source.spec)
    first, last = chunk.specials
    size = source.spec.max_tokens - SPECIALS
    found = [chunk.tokens.ids[low : min(low + size, high)] for low, high in pairwise(chunk.tokens.bounds.tolist())]
    return [np.array([first, *ids, last]) for ids in found if len(ids)][:WINDOWS]


def sensitive(graph: "Graph", windows: list[np.ndarray]) -> list[int]:
    """The layers whose inner activations have outliers: one channel far above the others takes up all of int8's range
    (Dettmers et al., "LLM.int8()", 2022)."""
    import torch

    highest: dict[int, torch.Tensor] = {}

    def watch(number: int) -> Any:
        def hook(module: torch.nn.Module, given: tuple[torch.Tensor, ...]) -> None:
            peak = given[0].abs().flatten(0, -2).amax(0)
            highest[number] = torch.maximum(highest.get(number, peak), peak)

        return hook

    layers: Any = graph.layers
    handles = [layer.output.dense.register_forward_pre_hook(watch(n)) for n, layer in enumerate(layers)]
    with torch.inference_mode():
        for window in windows:
            graph(torch.from_numpy(window)[None], torch.tensor([len(window)]))
    for handle in handles:
        handle.remove()
    return [number for number, peak in highest.items() if float(peak.max() / peak.median()) > OUTLIERS]


def kept_exact(model: Any, layers: list[int]) -> list[str]:
    """The names of the operations that stay in floating point."""
    names = [(operation.get_friendly_name(), operation.get_type_name()) for operation in model.get_ops()]
    inner = tuple(f"layers.{layer}.output.dense/" for layer in layers)
    return [
        name
        for name, kind in names
        if kind == "ScaledDotProductAttention"
        or (kind == "MatMul" and (any(head in name for head in HEADS) or any(part in name for part in inner)))
    ]


@contextmanager
def quiet() -> Iterator[None]:
    """Keeps nncf from drawing progress bars, which are no news to who waits for a model."""
    import logging

    from rich import progress

    before = progress.Progress.start
    progress.Progress.start = lambda self: None  # type: ignore[method-assign]
    logging.getLogger("nncf").setLevel(logging.ERROR)  # nncf.set_log_level also silences handlers that others attached
    try:
        yield
    finally:
        progress.Progress.start = before  # type: ignore[method-assign]
