"""The training loop: a shared encoder, two heads, masked losses."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from moderation.models.base import Base
from moderation.models.multitask import MultiTaskBert
from moderation.training import checkpoint
from moderation.training.batches import pad
from moderation.training.data import IGNORED, Example
from moderation.training.losses import label_loss, tag_loss
from moderation.training.order import Step, epoch_steps, grouped
from moderation.training.recipe import Recipe

Report = Callable[[str], None]
CHECKPOINT_SECONDS = 300
REPORT_STEPS = 50
WIDE = 160  # tokens from which torch's fused attention is faster on a CPU than separate products; below, far slower


class Trainer:
    """A training run: network, optimiser, and how far it has come."""

    def __init__(self, network: MultiTaskBert, recipe: Recipe, base: Base, device: str, report: Report) -> None:
        self.network, self.recipe, self.base, self.device, self.report = network, recipe, base, device, report
        heads = [*network.label_head.parameters(), *network.tag_head.parameters()]
        groups = [
            {"params": list(network.encoder.parameters()), "rate": recipe.learning_rate},
            {"params": heads, "rate": recipe.head_learning_rate},
        ]
        self.optimiser = torch.optim.AdamW(
            groups, lr=recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True
        )
        self.step, self.place, self.total, self.running = 0, (0, 0), 1, 0.0
        self.started, self.first, self.saved = time.monotonic(), 0, time.monotonic()

    def epoch(self, number: int, texts: list[Example], sentences: list[Example], keep: Path, run: str) -> None:
        """One epoch, from wherever in it the run stands; keeps a checkpoint every few minutes."""
        self.network.train()
        steps = epoch_steps(self.recipe, texts, sentences, number)
        self.total = self.recipe.epochs * len(steps)  # as every epoch has about as many
        first = self.place[1] if self.place[0] == number else 0
        for index, step in enumerate(steps[first:], first + 1):
            self.learn(step)
            self.place = (number, index)
            if self.step % REPORT_STEPS == 0:
                self.tell(number)
            if time.monotonic() - self.saved > CHECKPOINT_SECONDS:
                self.save(keep, run)

    def learn(self, step: Step) -> None:
        """One update of the weights."""
        loss = self.loss(step)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        for group in self.optimiser.param_groups:
            group["lr"] = group["rate"] * self.pace()
        self.optimiser.step()
        self.optimiser.zero_grad()
        self.step += 1
        found = loss.item()
        self.running = 0.98 * self.running + 0.02 * found if self.running else found

    def pace(self) -> float:
        """The share of the learning rate: up in the warm-up, then down to 0 in a line."""
        warmup = max(1, int(self.total * self.recipe.warmup))
        return min((self.step + 1) / warmup, max(0.0, (self.total - self.step) / max(1, self.total - warmup)))

    def loss(self, step: Step) -> torch.Tensor:
        """The losses of a step's texts and of its sentences, added up."""
        loss = torch.zeros((), device=self.device)
        if step.texts:
            logits, _ = self.forward(step.texts)
            loss = loss + label_loss(logits, self.stacked([row.labels for row in step.texts]))
        if step.sentences:
            _, tags = self.forward(step.sentences)
            inner = tags[:, 1:-1]
            targets = pad([row.tags for row in step.sentences if row.tags is not None], inner.shape[1], IGNORED)
            allowed = self.stacked([row.allowed for row in step.sentences])
            loss = loss + tag_loss(inner, torch.from_numpy(targets).to(self.device), allowed)
        return loss

    def forward(self, examples: list[Example]) -> tuple[torch.Tensor, torch.Tensor]:
        """Label and tag logits of some examples, padded together."""
        rows = [self.base.with_specials(example.ids) for example in examples]
        width = max(map(len, rows))
        mask = pad([np.ones(len(row), np.int64) for row in rows], width)
        ids, mask_there = (torch.from_numpy(array).to(self.device) for array in (pad(rows, width), mask))
        self.network.encoder.config._attn_implementation = "eager" if self.device == "cpu" and width < WIDE else "sdpa"
        with torch.autocast(torch.device(self.device).type, dtype=torch.bfloat16):
            found: tuple[torch.Tensor, torch.Tensor] = self.network(ids, mask_there)
        return found

    def stacked(self, rows: list[np.ndarray | None]) -> torch.Tensor:
        """Targets of examples as one tensor on the device."""
        return torch.from_numpy(np.stack([row for row in rows if row is not None])).to(self.device)

    @torch.no_grad()
    def mean_loss(self, texts: list[Example], sentences: list[Example]) -> float:
        """The mean batch loss on held-out examples."""
        self.network.eval()
        steps = [
            Step(batch, []) if batch[0].labels is not None else Step([], batch)
            for examples in (texts, sentences)
            for batch in grouped(examples, self.recipe.batch_tokens, np.arange(len(examples)))
        ]
        return float(np.mean([self.loss(step).item() for step in steps])) if steps else float("nan")

    def tell(self, epoch: int) -> None:
        """Reports the running loss and the time left."""
        left = (time.monotonic() - self.started) / (self.step - self.first) * (self.total - self.step)
        self.report(f"epoch {epoch + 1} step {self.step}/{self.total} loss {self.running:.4f} left {left / 60:.0f} min")

    def save(self, folder: Path, run: str) -> None:
        """Keeps a checkpoint."""
        state: dict[str, Any] = {
            "run": run,
            "step": self.step,
            "place": list(self.place),
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "random": torch.get_rng_state(),
        }
        checkpoint.save(folder, state)
        self.saved = time.monotonic()

    def restore(self, folder: Path, run: str) -> bool:
        """Goes on from the folder's checkpoint, if there is one of this run."""
        state = checkpoint.load(folder, run)
        if state is None:
            return False
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        torch.set_rng_state(state["random"])
        self.step = self.first = int(state["step"])
        self.place = (int(state["place"][0]), int(state["place"][1]))
        return True
