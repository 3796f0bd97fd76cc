"""The GPU backend: torch without padding, and a queue of batches that the GPU never waits for."""

import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from moderation.inference.backend import Predictions
from moderation.inference.batches import Batch
from moderation.inference.packed import PackedBert
from moderation.inference.torch_backend import DTYPES, resolve_precision

if TYPE_CHECKING:
    from moderation.models.multitask import MultiTaskBert

# Padded tokens of a batch. Not measured yet, to be tuned on a GPU: benchmarks/gpu.py tries several. Large enough that
# the GPU is busy for longer than Python takes to launch a batch's kernels; small enough that a chunk of texts makes
# many batches, each of texts of about the same length.
TOKEN_BUDGET = 32768
IN_FLIGHT = 3  # batches handed to the GPU ahead of the oldest one's answer: more would only hold back the answers


class Point:
    """A point in a device's queue of work; on the CPU, where work is done as it is asked for, it has been reached."""

    def __init__(self, device: torch.device) -> None:
        self.time, self.event = time.perf_counter(), None
        if device.type == "cuda":
            self.event = torch.cuda.Event(enable_timing=True, blocking=True)  # waits asleep: the core has other work
            self.event.record(torch.cuda.current_stream(device))

    def wait(self) -> None:
        """Returns once the device has got here; raises what went wrong in it on its way."""
        if self.event is not None:
            self.event.synchronize()

    def seconds_after(self, earlier: "Point") -> float:
        """The device's own time from one point to another; both have been reached."""
        if self.event is None or earlier.event is None:
            return self.time - earlier.time
        return earlier.event.elapsed_time(self.event) / 1000


@dataclass(frozen=True)
class Flight:
    """A batch in the device's queue: between which points it runs, and where its outputs will be."""

    started: Point
    landed: Point
    outputs: list[torch.Tensor]


class CudaBackend:
    """Runs batches through the network on one GPU, packed. It runs on the CPU as well, where it is only a test.

    A kernel's own failure (`torch.AcceleratorError`) leaves the GPU unusable for this process. It is raised, so that
    Spark tries the task again elsewhere, and not taken for the fault of a text.
    """

    independent = False

    def __init__(
        self, network: "MultiTaskBert", precision: str = "auto", device: str = "cuda:0", entities: bool = True
    ) -> None:
        self.device, self.entities, self.seconds, self.token_budget = torch.device(device), entities, 0.0, TOKEN_BUDGET
        self.precision = resolve_precision(precision, self.device.type)
        self.name = f"torch packed {self.precision} on {device}"
        self.pinned = self.device.type == "cuda"  # memory that the GPU reads and writes by itself
        self.network = PackedBert(network, self.device, DTYPES[self.precision], entities)

    def computed(self, batch: Batch) -> int:
        """The tokens alone: nothing is padded."""
        return int(batch.lengths.sum())

    def run(self, batches: Iterable[Batch]) -> Iterator[tuple[Batch, Predictions | Exception]]:
        """Some batches ahead of the answers, which come in the order of the batches."""
        under_way = deque[tuple[Batch, Flight | Exception]]()
        for batch in batches:
            under_way.append((batch, self.start(batch)))
            # An error is told at once: where memory was short, the batches to come are to be smaller.
            ahead = 0 if isinstance(under_way[-1][1], Exception) else IN_FLIGHT
            while len(under_way) > ahead:
                yield self.finish(*under_way.popleft())
        while under_way:
            yield self.finish(*under_way.popleft())

    def start(self, batch: Batch) -> Flight | Exception:
        """Hands a batch to the device and waits for nothing; the error where that fails."""
        try:
            with self.current(), torch.inference_mode():
                return self.launch(batch)
        except torch.AcceleratorError:
            raise
        except (RuntimeError, MemoryError) as error:  # torch's, for a failed allocation most of all
            return without_frames(error)

    def launch(self, batch: Batch) -> Flight:
        """Puts a batch's way there, its run and its way back into the device's queue."""
        bounds = np.zeros(len(batch.lengths) + 1, np.int32)
        np.cumsum(batch.lengths, out=bounds[1:])
        started = Point(self.device)
        ids = self.upload(batch.ids[inside(batch)].astype(np.int32))
        found = self.network(ids, self.upload(bounds), int(batch.lengths.max()))
        outputs = [self.download(tensor) for tensor in found]
        return Flight(started, Point(self.device), outputs)

    def finish(self, batch: Batch, flight: Flight | Exception) -> tuple[Batch, Predictions | Exception]:
        """Waits for a batch and reads what the network found."""
        if isinstance(flight, Exception):
            return batch, flight
        try:
            flight.landed.wait()
        except torch.AcceleratorError:
            raise
        except RuntimeError as error:  # of what was put into the queue earlier; the answers are lost with it
            return batch, without_frames(error)
        self.seconds += flight.landed.seconds_after(flight.started)
        logits, *per_token = (tensor.numpy() for tensor in flight.outputs)
        tags, confidence = (unpacked(batch, flat) for flat in per_token) if per_token else (None, None)
        return batch, Predictions(logits, tags, confidence)

    def current(self) -> AbstractContextManager[object]:
        """Makes the GPU torch's current one: what is pinned or recorded belongs to that, and not to `cuda:0`."""
        return torch.cuda.device(self.device) if self.device.type == "cuda" else nullcontext()

    def upload(self, array: np.ndarray) -> torch.Tensor:
        """An array to the device; torch keeps the pinned copy until the GPU has read it."""
        tensor = torch.from_numpy(array)
        return (tensor.pin_memory() if self.pinned else tensor).to(self.device, non_blocking=True)

    def download(self, tensor: torch.Tensor) -> torch.Tensor:
        """Memory of this process that will hold a tensor of the device once the device gets there."""
        target = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=self.pinned)
        return target.copy_(tensor, non_blocking=True)


def inside(batch: Batch) -> np.ndarray:
    """Which places [rows, width] of a batch are no padding."""
    return np.arange(batch.ids.shape[1]) < batch.lengths[:, None]


def unpacked(batch: Batch, flat: np.ndarray) -> np.ndarray:
    """Values per token as [rows, width], 0 in the padding."""
    wide = np.zeros(batch.ids.shape, flat.dtype)
    wide[inside(batch)] = flat
    return wide


def without_frames(error: Exception) -> Exception:
    """An error that no longer knows where it was raised: the frames there hold the tensors that filled the memory."""
    return error.with_traceback(None)
