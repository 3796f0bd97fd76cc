"""How a network stands on held-out examples after an epoch: a look that costs seconds, for early stopping.

The metric is the mean of two halves, or the one that there is: average precision, averaged over the labels that the
rows judge both ways (it looks at the top of the ranking, where thresholds are, and unlike ROC-AUC still moves where
positives are rare), and strict span F1 over all entity types. Texts are seen by their first window, tags are the most
probable ones: the figures of the model card are made by the engine instead, as it will run.
"""

from dataclasses import dataclass

import numpy as np
import torch

from moderation.training.data import IGNORED, Example
from moderation.training.losses import tag_loss
from moderation.training.order import grouped
from moderation.training.trainer import Trainer

Span = tuple[int, int, str]


@dataclass(frozen=True)
class Judgement:
    """The mean loss, the mean average precision of the labels, the span F1; NaN where there is none."""

    loss: float
    labels: float
    spans: float

    @property
    def metric(self) -> float:
        """What early stopping goes by."""
        found = [value for value in (self.labels, self.spans) if not np.isnan(value)]
        return float(np.mean(found)) if found else float("nan")

    def __str__(self) -> str:
        parts = [("dev loss", self.loss), ("average precision", self.labels), ("span F1", self.spans)]
        return ", ".join(f"{name} {value:.4f}" for name, value in parts if not np.isnan(value)) or "no dev rows"


def drawn(examples: list[Example], most: int, seed: int) -> list[Example]:
    """At most so many of the examples, the same ones every time."""
    if len(examples) <= most:
        return examples
    chosen = np.random.default_rng([seed, most]).choice(len(examples), most, replace=False)
    return [examples[index] for index in np.sort(chosen)]


@torch.no_grad()
def judge(trainer: Trainer, texts: list[Example], sentences: list[Example]) -> Judgement:
    """Judges the network as it is, by the data alone; draws no random number."""
    trainer.network.eval()
    found, losses, counts = [], [], np.zeros(3)
    for batch in batches(texts, trainer):
        logits, targets = trainer.forward(*trainer.inputs(batch))[0], trainer.stacked([row.labels for row in batch])
        losses.append(trainer.data_loss(logits, batch).item())
        found.append((logits.float().cpu().numpy(), targets.cpu().numpy(), np.array([row.weight for row in batch])))
    for batch in batches(sentences, trainer):
        tags = trainer.forward(*trainer.inputs(batch))[1][:, 1:-1]
        losses.append(tag_loss(tags, *trainer.tag_targets(batch, tags.shape[1])).item())
        counts += span_counts(batch, tags.float().cpu().numpy(), trainer.tags)
    loss = float(np.mean(losses)) if losses else float("nan")
    return Judgement(loss, mean_average_precision(found), f1(counts))


def batches(examples: list[Example], trainer: Trainer) -> list[list[Example]]:
    """All examples in batches."""
    return list(grouped(examples, trainer.recipe.batch_tokens, np.arange(len(examples))))


def mean_average_precision(batches: list[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> float:
    """The mean over the labels that were judged both ways, of scores and targets [rows, labels] and weights [rows]."""
    from sklearn.metrics import average_precision_score

    if not batches:
        return float("nan")
    scores, targets, weights = (np.concatenate(part) for part in zip(*batches, strict=True))
    found = []
    for score, target in zip(scores.T, targets.T, strict=True):
        judged = ~np.isnan(target)
        if len(np.unique(target[judged])) == 2:
            found.append(average_precision_score(target[judged] == 1, score[judged], sample_weight=weights[judged]))
    return float(np.mean(found)) if found else float("nan")


def span_counts(batch: list[Example], logits: np.ndarray, tags: tuple[str, ...]) -> np.ndarray:
    """Gold, found and right spans of a batch of sentences; tags that a source does not annotate are not given."""
    counts = np.zeros(3)
    for example, row in zip(batch, logits, strict=True):
        if example.tags is None or example.allowed is None:
            continue
        there = example.tags != IGNORED
        given = np.where(example.allowed, row[: len(example.ids)][there], -np.inf).argmax(-1)
        gold, found = (spans([tags[index] for index in indices]) for indices in (example.tags[there], given))
        counts += len(gold), len(found), len(gold & found)
    return counts


def spans(tags: list[str]) -> set[Span]:
    """Spans of words, from one to before another; an I that continues nothing begins a span."""
    found: list[Span] = []
    for index, tag in enumerate(tags):
        if tag.startswith("I-") and index and tags[index - 1] != "O" and tags[index - 1][2:] == tag[2:]:
            found[-1] = (found[-1][0], index + 1, tag[2:])
        elif tag != "O":
            found.append((index, index + 1, tag[2:]))
    return set(found)


def f1(counts: np.ndarray) -> float:
    """The F1 of gold, found and right; NaN where there is no gold."""
    gold, found, right = counts
    return float(2 * right / (gold + found)) if gold else float("nan")
