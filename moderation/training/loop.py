"""The training loop: updates in a fixed order, a checkpoint now and then, and a stop on request."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, isfinite
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn

from moderation.errors import UsageError
from moderation.training import checkpoint
from moderation.training.interrupt import Interrupt
from moderation.training.progress import Progress
from moderation.training.recipe import Schedule

Batch = TypeVar("Batch")


@dataclass(frozen=True)
class Keeping:
    """Where checkpoints go, how often, and who may ask to stop."""

    folder: Path
    seconds: float
    interrupt: Interrupt


class Loop:
    """A network, its optimiser, and how far it has come: `place` is the epoch and the batches of it that are done."""

    def __init__(
        self,
        network: nn.Module,
        head: list[nn.Parameter],
        schedule: Schedule,
        keeping: Keeping,
        progress: Progress,
        limit: int | None = None,
    ) -> None:
        self.network, self.schedule, self.keeping, self.progress, self.limit = (
            network,
            schedule,
            keeping,
            progress,
            limit,
        )
        known = {id(parameter) for parameter in head}
        rest = [parameter for parameter in network.parameters() if id(parameter) not in known]
        groups = [
            {"params": rest, "rate": schedule.learning_rate},
            {"params": head, "rate": schedule.head_learning_rate},
        ]
        self.optimiser = torch.optim.AdamW(
            groups, lr=schedule.learning_rate, weight_decay=schedule.weight_decay, fused=True
        )
        self.step, self.place, self.total, self.running = 0, (0, 0), limit or 1, 0.0
        self.extra: dict[str, Any] = {}  # what the caller wants to find again in the checkpoint
        self.started, self.first, self.saved = time.monotonic(), 0, time.monotonic()

    @property
    def over(self) -> bool:
        """Whether all updates are done."""
        return self.place[0] >= self.schedule.epochs if self.limit is None else self.step >= self.limit

    def epoch(self, batches: Sequence[Batch], loss: Callable[[Batch], torch.Tensor]) -> None:
        """The rest of an epoch, from wherever in it the run stands."""
        self.network.train()
        number, first = self.place
        together = self.schedule.accumulate
        self.total = self.limit or self.schedule.epochs * ceil(len(batches) / together)  # epochs are about alike
        for low in range(first, len(batches), together):
            self.learn(batches[low : low + together], loss)
            self.place = (number, low + together)
            self.tell(f"epoch {number + 1}" if self.limit is None else "adapting")
            self.keep()
            if self.limit is not None and self.over:
                return
        self.place = (number + 1, 0)

    def learn(self, batches: Sequence[Batch], loss: Callable[[Batch], torch.Tensor]) -> None:
        """One update of the weights, by the mean of the batches' losses."""
        found = 0.0
        for batch in batches:
            part = loss(batch) / len(batches)
            part.backward()
            found += part.item()
        if not isfinite(found):
            raise UsageError(f"the loss is {found} after {self.step} updates: lower the learning rates")
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        for group in self.optimiser.param_groups:
            group["lr"] = group["rate"] * self.pace()
        self.optimiser.step()
        self.optimiser.zero_grad()
        self.step += 1
        self.running = 0.98 * self.running + 0.02 * found if self.running else found

    def pace(self) -> float:
        """The share of the learning rate: up in the warm-up, then down to 0 in a line."""
        warmup = max(1, int(self.total * self.schedule.warmup))
        return min((self.step + 1) / warmup, max(0.0, (self.total - self.step) / max(1, self.total - warmup)))

    def left(self) -> float:
        """Seconds that the remaining updates will take."""
        return (time.monotonic() - self.started) / max(1, self.step - self.first) * max(0, self.total - self.step)

    def tell(self, what: str) -> None:
        """Shows how far the run is."""
        self.progress.at(what, self.step, self.total, self.running, self.left())

    def keep(self) -> None:
        """Saves a checkpoint when it is time; raises `KeyboardInterrupt` after saving where Ctrl-C was pressed."""
        asked = self.keeping.interrupt.asked
        if asked or time.monotonic() - self.saved >= self.keeping.seconds:
            self.save()
        if asked:
            raise KeyboardInterrupt

    def save(self) -> None:
        """Saves a checkpoint."""
        state = {
            "step": self.step,
            "place": list(self.place),
            "running": self.running,
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "random": checkpoint.random_state(),
            "extra": self.extra,
        }
        checkpoint.save(self.keeping.folder, state)
        self.saved = time.monotonic()

    def restore(self) -> bool:
        """Goes on from the checkpoint, if there is one."""
        state = checkpoint.load(self.keeping.folder)
        if state is None:
            return False
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        checkpoint.set_random_state(state["random"])
        self.step = self.first = int(state["step"])
        self.place, self.running = (int(state["place"][0]), int(state["place"][1])), float(state["running"])
        self.extra = state["extra"]
        return True
