"""The plain backend: the network in torch, as transformers runs it. The others are checked against it."""

import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import torch

from moderation.errors import UsageError
from moderation.inference.backend import Predictions, best_tags
from moderation.inference.batches import Batch

if TYPE_CHECKING:
    from moderation.models.multitask import MultiTask
    from moderation.models.networks import Classifier

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
TOKEN_BUDGET = 4096  # padded tokens of a batch; from 2,048 to 16,384 torch is equally fast on a CPU


def resolve_precision(wanted: str, device: str) -> str:
    """`auto` is bf16 where the hardware multiplies it natively (any GPU, AVX512-BF16 or AMX), else fp32."""
    if wanted == "auto":
        features = torch.cpu.get_capabilities()
        native = device != "cpu" or features.get("avx512_bf16") or features.get("amx_bf16")
        return "bf16" if native else "fp32"
    if wanted not in DTYPES:
        raise UsageError(f"precision '{wanted}' is none of auto, {', '.join(DTYPES)}, which are what torch runs")
    return wanted


class TorchBackend:
    """Runs padded batches through the network, in one precision on one device."""

    independent = False

    def __init__(
        self,
        network: "MultiTask | Classifier",
        precision: str = "auto",
        device: str = "cpu",
        threads: int | None = None,
        entities: bool = True,
    ) -> None:
        self.device, self.entities, self.seconds, self.token_budget = device, entities, 0.0, TOKEN_BUDGET
        self.precision = resolve_precision(precision, device)
        self.name = f"torch {self.precision} on {device}"
        if threads:
            torch.set_num_threads(threads)
        self.network = network.to(device=device, dtype=DTYPES[self.precision]).eval()

    def computed(self, batch: Batch) -> int:
        """Every place of the batch."""
        return int(batch.ids.size)

    def run(self, batches: Iterable[Batch]) -> Iterator[tuple[Batch, Predictions | Exception]]:
        """One batch after the other."""
        for batch in batches:
            started = time.perf_counter()
            answer: Predictions | Exception
            try:
                answer = self.predict(batch)
            except (RuntimeError, MemoryError) as error:  # torch's, for a failed allocation and for a kernel's errors
                answer = error
            self.seconds += time.perf_counter() - started
            yield batch, answer

    @torch.inference_mode()
    def predict(self, batch: Batch) -> Predictions:
        """One batch to predictions in float32."""
        ids, lengths = torch.from_numpy(batch.ids).to(self.device), torch.from_numpy(batch.lengths).to(self.device)
        mask = (torch.arange(ids.shape[1], device=self.device) < lengths[:, None]).long()
        logits, tag_logits = self.network(ids, mask)
        found = logits.float().cpu().numpy()
        return Predictions(found, *(best_tags(tag_logits.float().cpu().numpy()) if self.entities else (None, None)))
