"""How fast this machine multiplies matrices, without which no speed says whether it is good."""

import time
from functools import lru_cache

import numpy as np

from moderation.inference.devices import usable_threads
from moderation.inference.openvino_model import runtime

SIZES = ((2048, 2048, 2048), (4096, 1024, 1024))  # rows, inner, columns
REPEATS = 5


@lru_cache(maxsize=4)
def matrix_peak(precision: str = "auto", threads: int | None = None) -> float:
    """Operations a second of the best of a few large matrix products, measured on all usable cores in half a second.

    `auto` is bf16 where the processor has it, else fp32. Another process's load lowers the figure, as it lowers speed.
    """
    core = runtime().Core()
    half = precision == "bf16" or (
        precision == "auto" and "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    )
    threads = threads or usable_threads()
    hints: dict[str, object] = {
        "INFERENCE_PRECISION_HINT": "bf16" if half else "f32",
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
    }
    return max(product_speed(core, hints, *size) for size in SIZES)


def product_speed(core: object, hints: dict[str, object], rows: int, inner: int, columns: int) -> float:
    """Operations a second of one matrix product at its best repetition."""
    from openvino import Model, opset13

    left = opset13.parameter([rows, inner], np.float32)
    weights = opset13.constant(np.random.default_rng(0).normal(size=(columns, inner)).astype(np.float32))
    request = core.compile_model(  # type: ignore[attr-defined]
        Model([opset13.reduce_max(opset13.matmul(left, weights, False, True), np.array([1]))], [left]), "CPU", hints
    ).create_infer_request()
    given = np.ones((rows, inner), np.float32)
    best = float("inf")
    for _ in range(REPEATS + 1):
        started = time.perf_counter()
        request.infer([given])
        best = min(best, time.perf_counter() - started)
    return 2 * rows * inner * columns / best
