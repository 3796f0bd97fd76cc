"""Losses that leave out what nobody judged."""

import torch
from torch.nn import functional

from moderation.training.data import IGNORED

FORBIDDEN = -1e4  # the logit of a tag that a source does not annotate: its probability is 0 in every precision


def label_loss(
    logits: torch.Tensor,
    targets: torch.Tensor,
    positive: torch.Tensor | None = None,
    label: torch.Tensor | None = None,
    row: torch.Tensor | None = None,
) -> torch.Tensor:
    """Binary cross-entropy over judged labels; logits and targets are [rows, labels], NaN is not judged.

    A row counts by the square root of the labels that it was judged for: a source that judges seven labels teaches
    more than one that judges one, but does not drown it. `positive` [labels] weighs positives, `label` [labels] both
    sides of a label, `row` [rows] whole rows; by 1 where they are None. The loss is the weighted mean of the batch.
    """
    judged = ~targets.isnan()
    losses = functional.binary_cross_entropy_with_logits(
        logits.float(), targets.nan_to_num(), reduction="none", pos_weight=positive
    )
    weights = judged / judged.sum(1, keepdim=True).clamp(min=1).sqrt()
    weights = weights if label is None else weights * label
    weights = weights if row is None else weights * row[:, None]
    return (losses * weights).sum() / weights.sum().clamp(min=1e-9)


def tag_loss(logits: torch.Tensor, targets: torch.Tensor, allowed: torch.Tensor) -> torch.Tensor:
    """Cross-entropy over tagged tokens; logits [rows, tokens, tags], targets [rows, tokens], allowed [rows, tags].

    0 where no token is tagged, as in a batch of sentences without a word.
    """
    if not bool((targets != IGNORED).any()):
        return logits.float().sum() * 0
    scores = logits.float().masked_fill(~allowed[:, None, :], FORBIDDEN)
    return functional.cross_entropy(scores.flatten(0, 1), targets.flatten(), ignore_index=IGNORED)
