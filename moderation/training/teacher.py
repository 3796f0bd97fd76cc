"""Distillation: a larger model's logits as targets beside the labels (Hinton et al., "Distilling the Knowledge in a
Neural Network", 2015)."""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from moderation.errors import UsageError
from moderation.models.base import Base
from moderation.models.load import find_model, load_tokenizer
from moderation.models.networks import load_network
from moderation.models.spec import ModelSpec
from moderation.text.case import parted

Pairs = list[tuple[int, int]]  # an output of the student and the teacher's of the same name


@dataclass
class Teacher:
    """A trained network, and which of its outputs the student shares. Its calibration plays no part."""

    network: nn.Module
    labels: Pairs
    tags: Pairs
    temperature: float
    drops_case: bool = False  # of the ids that the student reads

    @torch.no_grad()
    def logits(self, ids: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The teacher's label and tag logits."""
        found: tuple[torch.Tensor, torch.Tensor] = self.network(parted(ids)[0] if self.drops_case else ids, mask)
        return found[0].float(), found[1].float()

    def label_loss(self, teacher: torch.Tensor, student: torch.Tensor) -> torch.Tensor:
        """Divergence of the label probabilities [rows, labels], of every row and shared label, judged or not."""
        ours, theirs = columns(self.labels, student.device)
        taught = teacher[:, theirs] / self.temperature
        given, target = student.float()[:, ours] / self.temperature, torch.sigmoid(taught)
        loss = functional.binary_cross_entropy_with_logits
        return (loss(given, target) - loss(taught, target)) * self.temperature**2  # so that agreement is 0

    def tag_loss(self, teacher: torch.Tensor, student: torch.Tensor, there: torch.Tensor) -> torch.Tensor:
        """Divergence of the distributions over the shared tags, both [rows, tokens, tags], on the tokens `there`."""
        ours, theirs = columns(self.tags, student.device)
        target = functional.log_softmax(teacher[there][:, theirs] / self.temperature, -1)
        given = functional.log_softmax(student.float()[there][:, ours] / self.temperature, -1)
        if not len(given):
            return given.sum()
        return functional.kl_div(given, target, reduction="batchmean", log_target=True) * self.temperature**2


def columns(pairs: Pairs, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """The student's and the teacher's outputs as indices."""
    both = torch.tensor(pairs, device=device)
    return both[:, 0], both[:, 1]


def load_teacher(folder: str, spec: ModelSpec, base: Base, temperature: float, device: str) -> Teacher:
    """Loads a model folder as teacher; raises `UsageError` where it cannot teach this student."""
    source = find_model(folder)
    if load_tokenizer(source.folder).get_vocab() != base.tokenizer.get_vocab():
        raise UsageError(f"teacher {folder}: its vocabulary is not the base's, so that it reads other tokens")
    if source.shape.positions < spec.max_tokens:
        raise UsageError(f"teacher {folder}: reads {source.shape.positions} tokens, max_tokens is {spec.max_tokens}")
    if source.spec.activation != "sigmoid":
        raise UsageError(f"teacher {folder}: its labels exclude each other (softmax), the student's do not")
    labels = shared(spec.labels, source.spec.outputs)
    tags = shared(spec.tags, source.spec.tags)
    if not labels and len(tags) < 2:
        raise UsageError(f"teacher {folder}: has none of the labels {list(spec.labels)} or types {spec.entity_types}")
    if source.spec.case and not spec.case:
        raise UsageError(f"teacher {folder}: reads the case of words, which this recipe leaves out (case: true)")
    network = load_network(source).to(device)
    drops_case = spec.case and not source.spec.case
    return Teacher(network, labels, tags if len(tags) > 1 else [], temperature, drops_case)


def shared(ours: tuple[str, ...], theirs: tuple[str | None, ...]) -> Pairs:
    """The outputs of the same name."""
    return [(index, theirs.index(name)) for index, name in enumerate(ours) if name in theirs]
