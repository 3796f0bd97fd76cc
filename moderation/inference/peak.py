"""How fast this machine multiplies matrices, without which no speed says whether it is good."""

import time
from functools import lru_cache

# Rows, inner size, columns: squares, and the products of MiniLM's and of BERT-base's layers.
SHAPES = (
    *((size, size, size) for size in (1024, 2048, 4096)),
    *((4096, 384, 1536), (4096, 1536, 384), (4096, 768, 3072), (4096, 3072, 768)),
)
QUICK = ((4096, 384, 1536), (2048, 2048, 2048))  # that are the fastest where the others have been measured
SECONDS = 0.2  # for each shape


@lru_cache(maxsize=2)
def matrix_peak(precision: str = "auto") -> float:
    """Operations a second of the fastest matrix product that torch manages on all usable cores, in half a second.

    `auto` is bf16 where the processor has it, else fp32. Another process's load lowers the figure, as it lowers speed.
    """
    half = precision == "bf16" or (precision == "auto" and has_bf16())
    return max(product_speed(*shape, SECONDS, half) for shape in QUICK)


def has_bf16() -> bool:
    """Whether the processor multiplies bf16 natively."""
    import torch

    features = torch.cpu.get_capabilities()
    return bool(features.get("avx512_bf16") or features.get("amx_bf16"))


def product_speed(rows: int, inner: int, columns: int, seconds: float, half: bool = True) -> float:
    """Operations a second of the fastest product of a shape within `seconds`; a product and a sum are two."""
    import torch

    kind = torch.bfloat16 if half else torch.float32
    states, weights = torch.randn(rows, inner).to(kind), torch.randn(columns, inner).to(kind)
    best, end = float("inf"), time.perf_counter() + seconds
    with torch.inference_mode():
        while best == float("inf") or time.perf_counter() < end:
            started = time.perf_counter()
            torch.nn.functional.linear(states, weights)
            best = min(best, time.perf_counter() - started)
    return 2 * rows * inner * columns / best
