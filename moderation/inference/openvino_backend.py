"""The CPU backend: OpenVINO, one request in flight for each thread and two that wait."""

import time
from collections import deque
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from moderation.errors import UsageError
from moderation.inference.backend import Predictions, best_tags
from moderation.inference.batches import Batch
from moderation.inference.openvino_model import read_model, runtime

if TYPE_CHECKING:
    from moderation.models.load import ModelSource

TOKEN_BUDGET = (
    1024  # padded tokens of a batch: fits a core's cache; from 768 to 3,072 the speed is the same, the padding is not
)
WAITING = 2  # requests beyond one for each thread, so that none waits for Python


class OpenvinoBackend:
    """Runs padded batches on `threads` cores, each batch on one: no thread ever waits for another."""

    independent = False

    def __init__(self, source: "ModelSource", precision: str, threads: int, entities: bool = True) -> None:
        self.entities, self.seconds, self.token_budget, self.threads = entities, 0.0, TOKEN_BUDGET, threads
        ov = runtime()
        core = ov.Core()
        self.precision = resolve_precision(precision, core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"))
        self.name = f"openvino {self.precision} on cpu"
        model = read_model(core, source, quantised=self.precision == "int8", entities=entities)
        self.compiled = core.compile_model(model, "CPU", settings(core, self.precision, threads))
        self.labels = bool(source.spec.outputs) or len(self.compiled.outputs) > 1  # ours has a head for no labels, too
        self.requests = [self.compiled.create_infer_request() for _ in range(threads + WAITING)]

    def computed(self, batch: Batch) -> int:
        """Every place of the batch."""
        return int(batch.ids.size)

    def run(self, batches: Iterable[Batch]) -> Iterator[tuple[Batch, Predictions | Exception]]:
        """As many batches at once as there are requests; answers come in the order of the batches."""
        free, under_way = deque(self.requests), deque[tuple[Batch, Any]]()
        started = time.perf_counter()
        try:
            for batch in batches:
                if not free:
                    yield self.answer(free, *under_way.popleft())
                request = free.popleft()
                try:
                    request.start_async([batch.ids, batch.lengths])
                    under_way.append((batch, request))
                except (RuntimeError, MemoryError) as error:
                    free.append(request)
                    yield batch, error
            while under_way:
                yield self.answer(free, *under_way.popleft())
        finally:
            for batch, request in under_way:  # of a caller who gave up: the next one needs the requests
                self.answer(free, batch, request)
            self.seconds += time.perf_counter() - started

    def answer(self, free: deque[Any], batch: Batch, request: Any) -> tuple[Batch, Predictions | Exception]:
        """Waits for a request and reads what it found."""
        try:
            request.wait()
            outputs = [np.array(tensor.data, np.float32) for tensor in request.output_tensors]
            logits = outputs.pop(0) if self.labels else np.zeros((len(batch.ids), 0), np.float32)
            return batch, Predictions(logits, *(best_tags(outputs[0]) if self.entities else (None, None)))
        except (RuntimeError, MemoryError) as error:  # OpenVINO raises RuntimeError for all that goes wrong in it
            return batch, error
        finally:
            free.append(request)


def precision_here(wanted: str) -> str:
    """`resolve_precision` on this machine; raises `UsageError` where it cannot run so."""
    return resolve_precision(wanted, runtime().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"))


def resolve_precision(wanted: str, capabilities: list[str]) -> str:
    """`auto` is bf16 where the processor multiplies it natively, else fp32; int8 is never chosen unasked."""
    if wanted == "auto":
        return "bf16" if "BF16" in capabilities else "fp32"
    if wanted == "bf16" and "BF16" not in capabilities:
        raise UsageError("precision 'bf16': this processor has no bf16 instructions; take fp32, int8 or auto")
    if wanted == "int8" and find_spec("nncf") is None:
        raise UsageError("precision 'int8' wants nncf: pip install 'moderation-batch[int8]'")
    return wanted


def settings(core: Any, precision: str, threads: int) -> dict[str, Any]:
    """How OpenVINO compiles: what is not int8 runs in bf16 where the processor has it, unless fp32 is asked for."""
    half = precision == "bf16" or (
        precision == "int8" and "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    )
    return {
        "INFERENCE_PRECISION_HINT": "bf16" if half else "f32",
        "NUM_STREAMS": threads,
        "INFERENCE_NUM_THREADS": threads,
        "ENABLE_CPU_PINNING": False,  # two workers of one machine would be pinned to the same cores
    }
