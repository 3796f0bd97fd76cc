"""Where and how a training run is done: nothing here changes what it makes."""

from dataclasses import dataclass

from moderation.errors import UsageError
from moderation.inference.devices import Device, resolve_place


@dataclass(frozen=True)
class Options:
    """`device` is `auto`, `cpu`, `cuda` or `cuda:<number>`; `threads` None is what torch takes by itself."""

    device: str = "auto"
    threads: int | None = None
    checkpoint_seconds: float = 300
    overwrite: bool = False

    def __post_init__(self) -> None:
        Device(self.device, threads=self.threads)  # raises UsageError
        if self.checkpoint_seconds < 0:
            raise UsageError(f"checkpoint seconds {self.checkpoint_seconds} must not be negative")

    def place(self) -> str:
        """The name torch has for the device; sets the threads, and on a GPU asks for kernels that repeat themselves."""
        import os

        import torch

        place = resolve_place(Device(self.device))
        if self.threads:
            torch.set_num_threads(self.threads)
        if place != "cpu":
            os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # what cuBLAS needs to repeat its sums
            torch.use_deterministic_algorithms(True, warn_only=True)
        return place
