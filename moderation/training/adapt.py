"""Domain adaptation: a base encoder guesses masked words of a community's own text before it learns any label.

Gururangan et al., "Don't Stop Pretraining", 2020; for Reddit Caselli et al., "HateBERT", 2021.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from moderation.errors import UsageError
from moderation.inference.tokenise import tokenise
from moderation.inference.torch_backend import resolve_precision
from moderation.models.base import Base
from moderation.models.spec import SECTION, ModelSpec, read_config
from moderation.text.normalise import skip_reason, without_surrogates
from moderation.training.data import IGNORED, Example
from moderation.training.loop import Keeping, Loop
from moderation.training.masking import Masks
from moderation.training.mlm import HEAD, MaskedModel, Row
from moderation.training.order import grouped, shuffled
from moderation.training.progress import Progress
from moderation.training.recipe import Adaptation
from moderation.training.rows import held_out
from moderation.training.schema import read_columns

HEADLESS = ModelSpec(labels=(), max_tokens=512, overlap=64, thresholds={})  # the encoder is all that is wanted
SHARE, MOST = 0.02, 1000  # of the texts are held out, at most so many


def adapt(
    plan: Adaptation, base: Base, pieces: tuple[list[Example], list[Example]], keeping: Keeping, progress: Progress,
    device: str,
) -> tuple[MaskedModel, dict[str, Any]]:  # fmt: skip
    """Trains the base on masked texts; returns it with the losses on held-out texts before and after.

    Order and masks follow from the seed and the place in the run, so that a killed run goes on as it would have.
    """
    torch.manual_seed(plan.seed)
    base.drop_out(0.0)
    network = MaskedModel(base.network(HEADLESS).encoder)
    own_head = network.take_head(base.weights())
    guess = Guess(network.to(device), base, Masks(base.tokenizer, plan.mask_share), plan, device)
    loop = Loop(network, network.head, plan, keeping, progress, plan.steps)
    if loop.restore():
        progress.say(f"going on from step {loop.step:,}")
    else:
        note = "" if own_head else " (the base brings no head for guessing: a new one is trained)"
        loop.extra["before"] = guess.mean_loss(pieces[1])
        progress.say(f"loss on masked words of held-out texts: {loop.extra['before']:.4f}{note}")
    while not loop.over:
        loop.epoch(guess.epoch(pieces[0], loop.place[0]), guess.loss)
        loop.save()
    after = guess.mean_loss(pieces[1])
    progress.say(f"loss on masked words of held-out texts after {loop.step:,} updates: {after:.4f}")
    return network, {"updates": loop.step, "loss_before": loop.extra["before"], "loss_after": after, "head": own_head}


class Guess:
    """Batches with masks, and the loss of guessing what is below them."""

    def __init__(self, network: MaskedModel, base: Base, masks: Masks, plan: Adaptation, device: str) -> None:
        self.network, self.base, self.masks, self.plan, self.device = network, base, masks, plan, device
        self.precision = resolve_precision(plan.precision, device)

    def epoch(self, examples: list[Example], number: int) -> list[tuple[list[int], list[Example]]]:
        """All pieces once, in random order, each batch with the numbers that its masks are drawn by."""
        seed = [self.plan.seed, number]
        batches = shuffled(examples, self.plan.batch_tokens, np.random.default_rng(seed))
        return [([*seed, index], batch) for index, batch in enumerate(batches)]

    def rows(self, batch: tuple[list[int], list[Example]]) -> list[Row]:
        """The batch, masked by its numbers."""
        seed, examples = batch
        random, rows = np.random.default_rng(seed), []
        for example in examples:
            seen, chosen = self.masks.draw(example.ids, random)
            ids = self.base.with_specials(seen)
            target = np.full(len(ids), IGNORED)
            target[1:-1][chosen] = example.ids[chosen]
            rows.append((ids, target))
        return rows

    def loss(self, batch: tuple[list[int], list[Example]]) -> torch.Tensor:
        """The mean loss of a batch."""
        total, count = self.network.loss(self.rows(batch), self.device, self.precision)
        return total / max(1, count)

    @torch.no_grad()
    def mean_loss(self, examples: list[Example]) -> float:
        """The mean over the masked tokens of held-out pieces, masked the same way every time."""
        self.network.eval()
        found = np.zeros(2)
        order = np.arange(len(examples))
        for index, batch in enumerate(grouped(examples, self.plan.batch_tokens, order)):
            total, count = self.network.loss(self.rows(([0, index], batch)), self.device, self.precision)
            found += total.item(), count
        return float(found[0] / found[1])


def read_pieces(plan: Adaptation, data: Path, base: Base) -> tuple[list[Example], list[Example]]:
    """The texts to train on and the held-out ones, each text once, in pieces of the window's size."""
    if plan.max_tokens > base.positions:
        raise UsageError(f"adapt: max_tokens {plan.max_tokens} is more than the base's {base.positions} positions")
    path = data / plan.file
    texts = read_columns(path, [plan.text], [])[plan.text]
    odd = texts[texts.notna() & ~texts.map(lambda text: isinstance(text, str)).astype(bool)]
    if len(odd):
        raise UsageError(f"training data {path}: column {plan.text} holds {odd.iloc[0]!r}, which is no text")
    texts = pd.Series([text for text in texts.drop_duplicates() if not pd.isna(text) and not skip_reason(text)])
    if plan.max_rows and plan.max_rows < len(texts):
        texts = texts.sample(plan.max_rows, random_state=plan.seed).sort_index()
    if len(texts) < 2:
        raise UsageError(
            f"training data {path}: column {plan.text} holds {len(texts)} texts worth reading; 2 are needed"
        )
    away = held_out(list(texts), min(SHARE, MOST / len(texts)), plan.seed)
    train, dev = (cut(list(texts[chosen]), base, plan.max_tokens - 2) for chosen in (~away, away))
    if not train or not dev:
        raise UsageError(f"training data {path}: column {plan.text} holds too few words to train on")
    return train, dev


def cut(texts: list[str], base: Base, size: int) -> list[Example]:
    """Texts as pieces of at most `size` tokens, one after the other."""
    tokens = tokenise(base.tokenizer, [without_surrogates(text) for text in texts])
    return [
        Example(tokens.ids[start : min(start + size, high)])
        for low, high in zip(tokens.bounds, tokens.bounds[1:], strict=False)
        for start in range(low, high, size)
    ]


def save_encoder(network: MaskedModel, base: Base, output: Path) -> None:
    """Writes an encoder folder in transformers' layout, in single precision, with the head that it guessed by."""
    from safetensors.torch import save_file

    output.mkdir(parents=True, exist_ok=True)
    weights = {
        name.removeprefix("encoder."): value for name, value in network.encoder.state_dict(prefix="encoder.").items()
    }
    own = {name: value for name, value in network.state_dict().items() if not name.startswith("encoder.")}
    for old, new in HEAD.items():
        weights |= {old + name.removeprefix(new): value for name, value in own.items() if name.startswith(new)}
    found = {name: value.detach().cpu().contiguous() for name, value in weights.items()}
    save_file(found, output / "model.safetensors", metadata={"format": "pt"})
    (output / "model.safetensors").chmod(0o644)  # safetensors makes it readable by its owner alone
    config = {key: value for key, value in read_config(base.folder).items() if key != SECTION}
    config |= {"vocab_size": base.config.vocab_size, "architectures": [type(network.encoder).__name__]}
    (output / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    base.tokenizer.save(str(output / "tokenizer.json"))
