"""The words that drove a label's score: Layer Integrated Gradients on the word embeddings, summed over each word.

Sundararajan, Taly and Yan, "Axiomatic Attribution for Deep Networks" (ICML 2017), as captum computes it. What is
attributed is the label's log-odds before calibration, as calibration is monotone: a word's weight is by how much it
moved them, against the same text with the mask token in place of every token. The weights of all words sum to the
difference of the two (completeness); how far they miss it is told.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from moderation.audit.cases import Case, cases_of, groups
from moderation.audit.words import Attribution, Word
from moderation.errors import UsageError
from moderation.inference.chunk import Chunk
from moderation.models.load import ModelSource, load_tokenizer
from moderation.models.networks import Classifier, load_network
from moderation.text.case import FACTOR
from moderation.text.normalise import without_surrogates

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from moderation.models.multitask import MultiTask

STEPS = (16, 48)  # Gauss-Legendre points between the masked text and the text; the more, where the fewer miss it
BUDGET = 2048  # padded tokens that pass through the network at once
BLANKS = ("[MASK]", "<mask>", "[UNK]", "<unk>")


class Attributor:
    """A model of any family, loaded in fp32, that tells which words moved its scores."""

    def __init__(self, source: ModelSource, device: str = "cpu") -> None:
        self.spec, self.device = source.spec, device
        self.tokenizer = load_tokenizer(source.folder)
        self.network = load_network(source).to(device)
        self.network.requires_grad_(False)
        self.blank = blank_token(self.tokenizer)
        self.method = integrated_gradients(self.logits, word_embeddings(self.network))

    def attribute(self, texts: Sequence[str], labels: Sequence[str]) -> list[Attribution]:
        """One attribution for each text and the label beside it; raises `UsageError` for a label it does not know.

        A long text is explained by the window with the label's highest score. The cost is bounded: one window and at
        most `sum(STEPS)` passes forth and back for each text, `BUDGET` tokens at a time.
        """
        if unknown := sorted(set(labels) - set(self.spec.labels)):
            raise UsageError(f"the model gives no label {unknown[0]!r}: it knows {', '.join(self.spec.labels)}")
        bodies = [without_surrogates(text) for text in texts]
        chunk = Chunk.prepare(self.tokenizer, bodies, np.arange(len(bodies)), self.spec)
        pending = cases_of(chunk, [self.spec.outputs.index(label) for label in labels], self.scores)
        found = {number: Attribution(label) for number, label in enumerate(labels)}
        for steps in STEPS:
            for group in groups(pending, BUDGET):
                found |= self.explain(group, labels, steps)
            pending = {number: case for number, case in pending.items() if not found[number].complete}
        return [found[number] for number in range(len(texts))]

    def explain(self, cases: dict[int, Case], labels: Sequence[str], steps: int) -> dict[int, Attribution]:
        """The attributions of some cases, computed together."""
        ids, mask = self.padded([case.ids for case in cases.values()])
        inner = mask.bool()
        inner[:, 0] = False
        inner[torch.arange(len(cases)), mask.sum(1) - 1] = False  # special tokens are no words
        case = ids // FACTOR * FACTOR if self.spec.case else 0  # which a blank keeps of its word
        masked = torch.where(inner, self.blank + case, ids)
        outputs = torch.tensor([case.output for case in cases.values()])
        weights = self.method.attribute(
            ids,
            baselines=masked,
            additional_forward_args=(mask, outputs),
            n_steps=steps,
            internal_batch_size=max(len(cases), BUDGET // ids.shape[1]),
        )
        moved = weights.detach().sum(-1).double().cpu().numpy()
        with torch.inference_mode():
            logits, baselines = (self.logits(some, mask, outputs).tolist() for some in (ids, masked))
        return {
            number: Attribution(labels[number], words_of(case, moved[row]), logits[row], baselines[row])
            for row, (number, case) in enumerate(cases.items())
        }

    def scores(self, rows: list[np.ndarray], outputs: list[int]) -> np.ndarray:
        """The log-odds of one output for each row of ids, `BUDGET` tokens at a time."""
        size = max(1, BUDGET // max(map(len, rows)))
        parts = [slice(first, first + size) for first in range(0, len(rows), size)]
        with torch.inference_mode():
            found = [self.logits(*self.padded(rows[part]), torch.tensor(outputs[part])) for part in parts]
        return torch.cat(found).cpu().numpy()

    def logits(self, ids: torch.Tensor, mask: torch.Tensor, outputs: torch.Tensor) -> torch.Tensor:
        """The log-odds of each row's output, as `inference.probability.label_logits` has them."""
        found = self.network(ids, mask)[0]
        chosen = outputs.to(found.device)[:, None]
        own: torch.Tensor = found.gather(1, chosen)[:, 0]
        if self.spec.activation == "sigmoid":
            return own
        return own - found.scatter(1, chosen, -torch.inf).logsumexp(1)

    def padded(self, rows: Sequence[np.ndarray]) -> tuple[torch.Tensor, torch.Tensor]:
        """Rows of ids as one tensor, and its mask."""
        ids = torch.full((len(rows), max(map(len, rows))), self.network.pad, dtype=torch.long)
        mask = torch.zeros_like(ids)
        for number, row in enumerate(rows):
            ids[number, : len(row)], mask[number, : len(row)] = torch.from_numpy(row), 1
        return ids.to(self.device), mask.to(self.device)


def integrated_gradients(forward: Any, layer: torch.nn.Module) -> Any:
    """captum's method over a layer; raises `UsageError` where the audit extra is not installed."""
    try:
        from captum.attr import LayerIntegratedGradients
    except ImportError as error:
        raise UsageError("driving words need the audit extra: pip install 'moderation-batch[audit]'") from error
    return LayerIntegratedGradients(forward, layer)


def word_embeddings(network: "MultiTask | Classifier") -> torch.nn.Module:
    """The layer that turns token ids to vectors."""
    encoder = network.network if isinstance(network, Classifier) else network.encoder
    found: torch.nn.Module = encoder.get_input_embeddings()
    return found


def blank_token(tokenizer: "Tokenizer") -> int:
    """The token that says nothing: the mask, or else the unknown one. Not padding: RoBERTa counts places by it."""
    found = next((number for name in BLANKS if (number := tokenizer.token_to_id(name)) is not None), None)
    if found is None:
        raise UsageError(f"the model's tokenizer has none of {', '.join(BLANKS)}: its scores cannot be explained")
    return found


def words_of(case: Case, moved: np.ndarray) -> tuple[Word, ...]:
    """A row's weights, token by token, summed over each word."""
    weights = np.bincount(case.words, moved[1 : 1 + len(case.words)], minlength=len(case.spans))
    return tuple(Word(*span, float(weight)) for span, weight in zip(case.spans, weights, strict=True))
