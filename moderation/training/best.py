"""Early stopping: the best epoch's weights, kept until the end."""

from math import isnan
from pathlib import Path
from typing import Any

from torch import nn

from moderation.training.judge import Judgement
from moderation.training.recipe import EarlyStopping

NAME = "best.safetensors"


class Best:
    """What was seen after each epoch. Its state lives in `memory`, which the checkpoint keeps.

    Without early stopping it only remembers what was seen.
    """

    def __init__(self, folder: Path, rule: EarlyStopping | None, memory: dict[str, Any]) -> None:
        self.path, self.rule, self.memory = folder / NAME, rule, memory
        memory.setdefault("history", [])
        memory.setdefault("best", None)

    @property
    def history(self) -> list[dict[str, Any]]:
        """An entry for each epoch, the first first."""
        found: list[dict[str, Any]] = self.memory["history"]
        return found

    @property
    def epoch(self) -> int | None:
        """The number of the best epoch, from 1; None where nothing is stopped early."""
        found: int | None = self.memory["best"]
        return found

    @property
    def stale(self) -> int:
        """Epochs since the best one."""
        return len(self.history) - (self.epoch or 0)

    @property
    def settled(self) -> bool:
        """Whether the metric has not risen for as long as the rule allows."""
        return self.rule is not None and self.epoch is not None and self.stale >= self.rule.patience

    def note(self, network: nn.Module, epoch: int, found: Judgement) -> bool:
        """Notes an epoch; keeps its weights and returns True where early stopping is on and it is the best so far."""
        before = self.history[self.epoch - 1]["metric"] if self.epoch else float("-inf")
        entry = {"metric": found.metric, "loss": found.loss, "average_precision": found.labels, "span_f1": found.spans}
        known = {name: None if isnan(value) else round(value, 6) for name, value in entry.items()}
        self.history.append({"epoch": epoch, **known})
        if self.rule is None or not found.metric > before:
            return False
        from safetensors.torch import save_file

        self.path.parent.mkdir(parents=True, exist_ok=True)
        made = self.path.with_suffix(".making")
        save_file({name: tensor.contiguous() for name, tensor in network.state_dict().items()}, made)
        made.replace(self.path)
        self.memory["best"] = epoch
        return True

    def bring_back(self, network: nn.Module) -> None:
        """Puts the best epoch's weights into the network."""
        if self.epoch:
            from safetensors.torch import load_file

            network.load_state_dict(load_file(self.path))
