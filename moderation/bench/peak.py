"""The matrix peak of the machine: the fastest that torch multiplies bf16 matrices on all cores."""

from moderation.inference.peak import SHAPES, has_bf16, product_speed
from moderation.inference.work import Work

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
            self.best[name] = max(self.best[name], product_speed(*shape, self.seconds))

    @property
    def operations(self) -> float | None:
        """The best of all shapes; None where there is none."""
        return max(self.best.values()) or None

    def share(self, work: Work, seconds: float) -> float | None:
        """The share of the peak at which a model did its work, padding not counted as work."""
        return work.operations / seconds / self.operations if self.operations else None


def name_of(shape: tuple[int, int, int]) -> str:
    """A shape as people write it."""
    return "x".join(map(str, shape))
