"""The plain backend: the network in torch, on the CPU or one GPU."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from moderation.errors import UsageError

if TYPE_CHECKING:
    from moderation.models.multitask import MultiTaskBert

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


@dataclass(frozen=True)
class Predictions:
    """What the network says of a batch: label logits [rows, labels], and per token [rows, tokens] the best tag and
    its probability."""

    logits: np.ndarray
    tags: np.ndarray
    confidence: np.ndarray


def resolve_precision(wanted: str, device: str) -> str:
    """`auto` is bf16 where the hardware multiplies it natively (any GPU, AVX512-BF16 or AMX), else fp32."""
    if wanted not in ("auto", *DTYPES):
        raise UsageError(f"precision '{wanted}' is none of auto, {', '.join(DTYPES)}")
    if wanted != "auto":
        return wanted
    features = torch.cpu.get_capabilities()
    native = device != "cpu" or features.get("avx512_bf16") or features.get("amx_bf16")
    return "bf16" if native else "fp32"


class TorchBackend:
    """Runs padded batches through the network, in one precision on one device."""

    def __init__(self, network: "MultiTaskBert", precision: str = "auto", device: str = "cpu") -> None:
        self.device = device
        self.precision = resolve_precision(precision, device)
        self.network = network.to(device=device, dtype=DTYPES[self.precision]).eval()

    @torch.inference_mode()
    def predict(self, ids: np.ndarray, mask: np.ndarray) -> Predictions:
        """Token ids and mask, both [rows, tokens], special tokens included, to predictions in float32."""
        logits, tag_logits = self.network(torch.from_numpy(ids).to(self.device), torch.from_numpy(mask).to(self.device))
        confidence, tags = tag_logits.float().softmax(-1).max(-1)
        return Predictions(logits.float().cpu().numpy(), tags.cpu().numpy(), confidence.cpu().numpy())
