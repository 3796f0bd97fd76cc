"""The mean of the weights after several epochs: flatter, and often better, than the last ones alone.

Izmailov et al., "Averaging Weights Leads to Wider Optima and Better Generalization", 2018.
"""

from pathlib import Path

import torch
from torch import nn


class Average:
    """The weights after each of the last `count` epochs, on disk until the end; with one epoch there is no mean."""

    def __init__(self, folder: Path, count: int) -> None:
        self.folder, self.count = folder, count

    def file(self, epoch: int) -> Path:
        """Where an epoch's weights are kept; to write them again changes nothing."""
        return self.folder / f"epoch-{epoch}.safetensors"

    def note(self, network: nn.Module, epoch: int) -> None:
        """Keeps the weights after an epoch (the first is 1) and forgets those that are no more wanted."""
        if self.count == 1:
            return
        from safetensors.torch import save_file

        self.folder.mkdir(parents=True, exist_ok=True)
        made = self.file(epoch).with_suffix(".making")
        save_file({name: tensor.contiguous() for name, tensor in network.state_dict().items()}, made)
        made.replace(self.file(epoch))
        self.file(epoch - self.count).unlink(missing_ok=True)

    def bring_back(self, network: nn.Module, last: int) -> None:
        """Puts the mean of the weights after the last epochs, up to `last`, into the network."""
        if self.count == 1:
            return
        from safetensors.torch import load_file

        kept = [load_file(self.file(epoch)) for epoch in range(max(1, last - self.count + 1), last + 1)]
        network.load_state_dict({name: mean([weights[name] for weights in kept]) for name in kept[0]})


def mean(tensors: list[torch.Tensor]) -> torch.Tensor:
    """The mean of tensors of numbers with a fraction; of others the last."""
    return torch.stack(tensors).mean(0) if tensors[-1].is_floating_point() else tensors[-1]
