"""What fine-tuning learns from: a shared encoder, two heads, masked losses, and a teacher where there is one."""

from dataclasses import dataclass

import numpy as np
import torch

from moderation.models.base import Base
from moderation.models.multitask import MultiTask
from moderation.training.batches import pad
from moderation.training.data import IGNORED, Example
from moderation.training.losses import label_loss, tag_loss
from moderation.training.order import Step
from moderation.training.recipe import Recipe
from moderation.training.teacher import Teacher

WIDE = 160  # tokens from which torch's fused attention is faster on a CPU than separate products; below, far slower


@dataclass
class Trainer:
    """A network, its tags, and what its losses need. `positive` and `label` [labels] are weights, None is 1 each."""

    network: MultiTask
    recipe: Recipe
    base: Base
    device: str
    precision: str
    positive: torch.Tensor | None = None
    label: torch.Tensor | None = None
    teacher: Teacher | None = None
    tags: tuple[str, ...] = ()

    def loss(self, step: Step) -> torch.Tensor:
        """The losses of a step's texts and of its sentences, added up."""
        loss = torch.zeros((), device=self.device)
        if step.texts:
            loss = loss + self.text_loss(step.texts)
        if step.sentences:
            loss = loss + self.sentence_loss(step.sentences)
        return loss

    def text_loss(self, texts: list[Example]) -> torch.Tensor:
        """The loss of the labels."""
        ids, mask = self.inputs(texts)
        logits, _ = self.forward(ids, mask)
        hard = self.data_loss(logits, texts)
        if self.teacher is None or not self.teacher.labels:
            return hard
        with self.autocast():
            taught, _ = self.teacher.logits(ids, mask)
        return self.mixed(hard, self.teacher.label_loss(taught, logits))

    def data_loss(self, logits: torch.Tensor, texts: list[Example]) -> torch.Tensor:
        """The loss of the labels that the data has, each text by its weight."""
        targets = self.stacked([row.labels for row in texts])
        weights = torch.tensor([row.weight for row in texts], device=self.device)
        return label_loss(logits, targets, self.positive, self.label, weights)

    def sentence_loss(self, sentences: list[Example]) -> torch.Tensor:
        """The loss of the tags."""
        ids, mask = self.inputs(sentences)
        _, tags = self.forward(ids, mask)
        inner = tags[:, 1:-1]
        targets, allowed = self.tag_targets(sentences, inner.shape[1])
        hard = tag_loss(inner, targets, allowed)
        if self.teacher is None or not self.teacher.tags:
            return hard
        with self.autocast():
            _, taught = self.teacher.logits(ids, mask)
        return self.mixed(hard, self.teacher.tag_loss(taught[:, 1:-1], inner, targets != IGNORED))

    def tag_targets(self, sentences: list[Example], width: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The tags of some sentences [rows, width], and which of them each row's source annotates [rows, tags]."""
        targets = pad([row.tags for row in sentences if row.tags is not None], width, IGNORED)
        return torch.from_numpy(targets).to(self.device), self.stacked([row.allowed for row in sentences])

    def mixed(self, hard: torch.Tensor, soft: torch.Tensor) -> torch.Tensor:
        """The loss of the data and that of the teacher, by the recipe's weight."""
        weight = self.recipe.distil_weight
        return (1 - weight) * hard + weight * soft

    def inputs(self, examples: list[Example]) -> tuple[torch.Tensor, torch.Tensor]:
        """Token ids and mask of some examples, padded together."""
        rows = [self.base.with_specials(example.ids) for example in examples]
        width = max(map(len, rows))
        mask = pad([np.ones(len(row), np.int64) for row in rows], width)
        ids, there = (torch.from_numpy(array).to(self.device) for array in (pad(rows, width), mask))
        return ids, there

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Label and tag logits."""
        choose_attention(self.network.encoder, self.device, ids.shape[1])
        with self.autocast():
            found: tuple[torch.Tensor, torch.Tensor] = self.network(ids, mask)
        return found

    def autocast(self) -> torch.autocast:
        """bf16 for what bears it, where the precision is bf16."""
        return mixed_precision(self.device, self.precision)

    def stacked(self, rows: list[np.ndarray | None]) -> torch.Tensor:
        """Targets of examples as one tensor on the device."""
        return torch.from_numpy(np.stack([row for row in rows if row is not None])).to(self.device)


def mixed_precision(device: str, precision: str) -> torch.autocast:
    """torch's automatic mixed precision, with fp32 weights; does nothing in fp32."""
    return torch.autocast(torch.device(device).type, dtype=torch.bfloat16, enabled=precision == "bf16")


def choose_attention(encoder: torch.nn.Module, device: str, width: int) -> None:
    """The faster of torch's two ways for a batch of this width, where the architecture has both."""
    if getattr(encoder, "_supports_sdpa", False):
        encoder.config._attn_implementation = "eager" if device == "cpu" and width < WIDE else "sdpa"  # type: ignore[union-attr]


def positive_weights(examples: list[Example], kind: str) -> torch.Tensor | None:
    """How much a positive of each label counts [labels]: negatives per positive, or the root of that (`sqrt`)."""
    if kind == "none" or not examples:
        return None
    targets = np.stack([row.labels for row in examples if row.labels is not None])
    positives, negatives = (targets == 1).sum(0), (targets == 0).sum(0)
    weights = negatives / np.maximum(positives, 1)
    return torch.from_numpy(np.sqrt(weights) if kind == "sqrt" else weights).float()


def label_weights(recipe: Recipe) -> torch.Tensor | None:
    """How much each label counts [labels], None where all count the same."""
    if not recipe.label_weights:
        return None
    return torch.tensor([recipe.label_weights.get(label, 1.0) for label in recipe.labels])
