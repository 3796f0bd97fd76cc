"""The matrix peak of the machine: the fastest that torch multiplies bf16 matrices on all cores."""

import time

from moderation.inference.work import Work
from moderation.models.spec import Shape

# Rows, inner size, columns: squares, and the products of MiniLM's and of BERT-base's layers.
SHAPES = [(size, size, size) for size in (1024, 2048, 4096)]
SHAPES += [(4096, 384, 1536), (4096, 1536, 384), (4096, 768, 3072), (4096, 3072, 768)]
SECONDS = 0.3  # for each shape


class Peak:
    """The best that was measured so far, in floating-point operations per second for each shape."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self.seconds, self.best = seconds, dict.fromkeys(map(name_of, SHAPES), 0.0)
        self.native = has_bf16()

    def measure(self) -> None:
        """Multiplies matrices of each shape for a while; does nothing where bf16 is only emulated."""
        for shape in SHAPES if self.native else ():
            name = name_of(shape)
            self.best[name] = max(self.best[name], speed(*shape, self.seconds))

    @property
    def operations(self) -> float | None:
        """The best of all shapes; None where there is none."""
        return max(self.best.values()) or None

    def share(self, shape: Shape, work: Work, seconds: float) -> float | None:
        """The share of the peak at which a model did its work, padding not counted as work."""
        done = shape.operations(work.computed_tokens, work.token_pairs)
        return done / seconds / self.operations if self.operations else None


def has_bf16() -> bool:
    """Whether the processor multiplies bf16 natively."""
    import torch

    features = torch.cpu.get_capabilities()
    return bool(features.get("avx512_bf16") or features.get("amx_bf16"))


def name_of(shape: tuple[int, int, int]) -> str:
    """A shape as people write it."""
    return "x".join(map(str, shape))


def speed(rows: int, inner: int, columns: int, seconds: float) -> float:
    """Floating-point operations per second of the fastest product of this shape; a product and a sum are two."""
    import torch

    states, weights = torch.randn(rows, inner).bfloat16(), torch.randn(columns, inner).bfloat16()
    best, end = float("inf"), time.perf_counter() + seconds
    with torch.inference_mode():
        while best == float("inf") or time.perf_counter() < end:
            started = time.perf_counter()
            torch.nn.functional.linear(states, weights)
            best = min(best, time.perf_counter() - started)
    return 2 * rows * inner * columns / best
