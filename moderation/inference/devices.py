"""Which backend runs a model, where, and on how many threads."""

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from moderation.errors import UsageError
from moderation.models.load import ModelSource

if TYPE_CHECKING:
    from moderation.inference.backend import Backend

BACKENDS = ("auto", "native", "openvino", "torch")
PRECISIONS = ("auto", "fp32", "bf16", "int8")


@dataclass(frozen=True)
class Device:
    """Where a model runs: `place` is `auto`, `cpu`, `cuda` or `cuda:<number>`; `backend` is `auto`, `native`,
    `openvino` or `torch`; `threads` are those of the CPU, all that this process may use where it is None.

    `auto` is a GPU where torch finds one; on a CPU the native encoder where it runs the model, else OpenVINO. A GPU
    always runs torch.
    """

    place: str = "auto"
    backend: str = "auto"
    threads: int | None = None

    def __post_init__(self) -> None:
        if self.backend not in BACKENDS:
            raise UsageError(f"backend '{self.backend}' is none of {', '.join(BACKENDS)}")
        kind, _, number = self.place.partition(":")
        if self.place not in ("auto", "cpu", "cuda") and not (kind == "cuda" and number.isdecimal()):
            raise UsageError(f"device '{self.place}' is none of auto, cpu, cuda, cuda:<number>")
        if self.threads is not None and self.threads < 1:
            raise UsageError(f"threads {self.threads} must be at least 1")


def load_backend(source: ModelSource, precision: str, device: Device, entities: bool = True) -> "Backend":
    """Loads a model where `device` says; raises `UsageError` where that cannot be had.

    A network that OpenVINO does not convert runs on torch, with a warning, unless OpenVINO was asked for by name.
    """
    check(precision, device)
    place, entities = resolve_place(device), entities and bool(source.spec.entity_types)
    if place == "cpu" and (native := load_native(source, precision, device, entities)):
        return native
    if place == "cpu" and device.backend != "torch":
        from moderation.inference.openvino_backend import OpenvinoBackend
        from moderation.inference.openvino_model import Unconvertible

        try:
            return OpenvinoBackend(source, precision, device.threads or usable_threads(), entities)
        except Unconvertible as error:
            if device.backend == "openvino" or precision == "int8":
                raise UsageError(f"model {source.folder}: {error}; take backend auto or torch, not int8") from error
            logging.getLogger(__name__).warning("model %s runs on torch: %s", source.folder, error)
    return load_torch(source, precision, place, device.threads, entities)


def load_native(source: ModelSource, precision: str, device: Device, entities: bool) -> "Backend | None":
    """Loads a model into the native encoder; None where another backend is asked for, or `auto` is to take another."""
    if device.backend not in ("auto", "native"):
        return None
    from moderation.inference.native.backend import NativeBackend, unavailable

    if why := unavailable(source, precision):
        if device.backend == "native":
            raise UsageError(f"backend 'native' cannot run model {source.folder} here: {why}; take backend auto")
        return None
    return NativeBackend(source, precision, device.threads or usable_threads(), entities)


def load_torch(source: ModelSource, precision: str, place: str, threads: int | None, entities: bool) -> "Backend":
    """Loads a model on torch: packed on a GPU where it is ours, else padded."""
    from moderation.models.multitask import MultiTaskBert
    from moderation.models.networks import load_network

    network = load_network(source)
    if place != "cpu" and isinstance(network, MultiTaskBert):
        from moderation.inference.cuda_backend import CudaBackend

        return CudaBackend(network, precision, place, entities)
    from moderation.inference.torch_backend import TorchBackend

    return TorchBackend(network, precision, place, threads if place == "cpu" else None, entities)


def check(precision: str, device: Device) -> None:
    """Raises `UsageError` where this machine cannot run models so; loads none, so that a driver can ask early."""
    if precision not in PRECISIONS:
        raise UsageError(f"precision '{precision}' is none of {', '.join(PRECISIONS)}")
    place = resolve_place(device)
    if place != "cpu" and device.backend in ("native", "openvino"):
        raise UsageError(f"backend '{device.backend}' runs on the CPU, not on {place}")
    if device.backend == "native" and (why := unavailable(precision)):
        raise UsageError(f"backend 'native' does not run here: {why}; take backend auto")
    resolved(precision, device)


def unavailable(precision: str) -> str:
    """Why the native encoder runs no model here in a precision; empty where it may."""
    from moderation.inference.native import backend

    return backend.unavailable(None, precision)


@lru_cache
def resolved(precision: str, device: Device) -> dict[str, str]:
    """What `auto` stands for here: backend, precision and place of a model whose network the backend can run, and the
    instructions that the native encoder multiplies with, as its last bits follow from them.

    Raises `UsageError` where the backend does not run in that precision here.
    """
    place = resolve_place(device)
    if place != "cpu" or device.backend == "torch":
        from moderation.inference import torch_backend

        return {"backend": "torch", "precision": torch_backend.resolve_precision(precision, place), "place": place}
    if device.backend in ("auto", "native") and not unavailable(precision):
        from moderation.inference.native import backend, library

        found = {"backend": "native", "precision": backend.resolve_precision(precision), "place": place}
        return found | {"instructions": library.machine()}
    from moderation.inference import openvino_backend

    return {"backend": "openvino", "precision": openvino_backend.precision_here(precision), "place": place}


def running(precision: str, device: Device, sources: Sequence[ModelSource]) -> dict[str, str]:
    """What `resolved` says, for these models: not the native encoder where it knows none of them, and `auto` where it
    knows some."""
    found = resolved(precision, device)
    if found["backend"] != "native":
        return found
    from moderation.inference.native import backend

    unknown = [source for source in sources if backend.unavailable(source, precision)]
    if len(unknown) == len(sources):
        return {name: value for name, value in found.items() if name != "instructions"} | {"backend": "openvino"}
    return found | {"backend": "auto"} if unknown else found


def resolve_place(device: Device) -> str:
    """`cpu`, or the name torch has for a GPU; a GPU that is asked for and not there is an error."""
    if device.place == "cpu" or (device.place == "auto" and not gpu_nodes()):
        return "cpu"
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device.place == "auto":
        return "cuda:0" if count else "cpu"
    number = int(device.place.partition(":")[2] or 0)
    if number >= count:
        raise UsageError(f"device '{device.place}' was asked for, and torch {torch.__version__} finds {count} GPUs")
    return f"cuda:{number}"


def gpu_nodes() -> bool:
    """Whether the machine has a GPU driver at all: asking torch would load it, which takes a second and memory."""
    return any(Path(path).exists() for path in ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd"))


def usable_threads() -> int:
    """What OMP_NUM_THREADS says (Spark sets it to the cores of a task), else the cores this process may use."""
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    if wanted.isdecimal() and int(wanted):
        return int(wanted)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
