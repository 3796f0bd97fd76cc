"""The training loop: shared encoder, two heads, masked losses."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from moderation.models.base import Base, load_base
from moderation.models.multitask import MultiTaskBert
from moderation.models.spec import SECTION, ModelSpec
from moderation.training.batches import pad, token_budget_batches
from moderation.training.data import IGNORED, Example, text_examples, text_sources, token_examples
from moderation.training.recipe import Recipe

Report = Callable[[str], None]


def finetune(recipe: Recipe, data: Path, output: Path, report: Report = print) -> None:
    """Trains a model by the recipe on the Parquet files below `data` and writes a model folder at `output`.

    Raises `UsageError` where data, a column or the base model is missing; nothing is written before the first epoch
    is over. The folder is rewritten after each epoch, so a killed run leaves its last whole one.
    """
    text_sources(recipe)
    torch.manual_seed(recipe.seed)
    base = load_base(recipe.base)
    spec = ModelSpec(
        labels=tuple(recipe.labels),
        entity_types=tuple(recipe.entity_types),
        max_tokens=recipe.max_tokens,
        overlap=recipe.overlap,
        thresholds=dict.fromkeys(recipe.labels, 0.5),
    )
    train, dev = (
        (
            text_examples(recipe, data, split, base.tokenizer),
            token_examples(recipe, data, split, base.tokenizer, spec.tags),
        )
        for split in ("train", "dev")
    )
    report(f"training on {len(train[0]):,} texts and {len(train[1]):,} sentences, {recipe.epochs} epoch(s)")
    network = base.network(spec)
    trainer = Trainer(network, recipe, base, train, report)
    for epoch in range(recipe.epochs):
        trainer.run_epoch(epoch)
        loss = trainer.mean_loss(*dev)
        report(f"epoch {epoch + 1}/{recipe.epochs} done: dev loss {loss:.4f}")
        save(network, base, spec, output)


class Trainer:
    """The state of a training run: optimiser, schedule, random order."""

    def __init__(
        self,
        network: MultiTaskBert,
        recipe: Recipe,
        base: Base,
        train: tuple[list[Example], list[Example]],
        report: Report,
    ) -> None:
        self.network, self.recipe, self.base, self.report = network, recipe, base, report
        self.texts, self.sentences = train
        self.random = np.random.default_rng(recipe.seed)
        heads = [*network.label_head.parameters(), *network.tag_head.parameters()]
        self.optimiser = torch.optim.AdamW(
            [
                {"params": list(network.encoder.parameters()), "lr": recipe.learning_rate},
                {"params": heads, "lr": recipe.head_learning_rate},
            ],
            weight_decay=recipe.weight_decay,
            fused=True,
        )
        total = recipe.epochs * len(self.epoch_batches())
        warmup = max(1, int(total * recipe.warmup))
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            self.optimiser, lambda step: min((step + 1) / warmup, max(0.0, (total - step) / max(1, total - warmup)))
        )
        self.total, self.step, self.started = total, 0, time.monotonic()

    def epoch_batches(self) -> list[list[Example]]:
        """The batches of one epoch in random order; each is of texts or of sentences, of similar length."""
        batches = list(self.grouped(self.texts))
        for _ in range(self.recipe.token_epochs if self.sentences else 0):
            batches.extend(self.grouped(self.sentences))
        self.random.shuffle(batches)
        return batches

    def grouped(self, examples: list[Example], window: int = 4096) -> Iterator[list[Example]]:
        """Token-budget batches within random windows, so that lengths are alike and neighbours are not."""
        order = self.random.permutation(len(examples))
        for low in range(0, len(order), window):
            chosen = order[low : low + window]
            lengths = np.array([len(examples[index].ids) + 2 for index in chosen])
            for batch in token_budget_batches(lengths, self.recipe.batch_tokens):
                yield [examples[chosen[index]] for index in batch]

    def run_epoch(self, epoch: int) -> None:
        """One pass over the data, reporting the running loss and the time left."""
        self.network.train()
        running = 0.0
        for batch in self.epoch_batches():
            loss = self.loss(batch)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
            self.optimiser.step()
            self.schedule.step()
            self.optimiser.zero_grad()
            self.step += 1
            running = loss.item() if self.step == 1 else 0.98 * running + 0.02 * loss.item()
            if self.step % 50 == 0:
                left = (time.monotonic() - self.started) / self.step * (self.total - self.step)
                self.report(
                    f"epoch {epoch + 1} step {self.step}/{self.total} loss {running:.4f} left {left / 60:.0f} min"
                )

    def loss(self, batch: list[Example]) -> torch.Tensor:
        """The masked loss of a batch: binary cross-entropy over judged labels, or cross-entropy over tagged tokens."""
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits, tag_logits = self.network(*self.inputs(batch))
        if batch[0].labels is not None:
            targets = torch.from_numpy(np.stack([example.labels for example in batch if example.labels is not None]))
            judged = ~targets.isnan()
            return functional.binary_cross_entropy_with_logits(logits.float()[judged], targets[judged])
        allowed = torch.from_numpy(np.stack([example.allowed for example in batch if example.allowed is not None]))
        scores = tag_logits[:, 1:-1].float().masked_fill(~allowed[:, None, :], -1e4)
        width = scores.shape[1]
        targets = torch.from_numpy(pad([example.tags for example in batch if example.tags is not None], width, IGNORED))
        return functional.cross_entropy(scores.flatten(0, 1), targets.flatten(), ignore_index=IGNORED)

    def inputs(self, batch: list[Example]) -> tuple[torch.Tensor, torch.Tensor]:
        """Padded token ids with special tokens, and their mask."""
        rows = [self.base.with_specials(example.ids) for example in batch]
        width = max(map(len, rows))
        mask = pad([np.ones(len(row), np.int64) for row in rows], width)
        return torch.from_numpy(pad(rows, width)), torch.from_numpy(mask)

    @torch.no_grad()
    def mean_loss(self, texts: list[Example], sentences: list[Example]) -> float:
        """The mean batch loss on held-out examples."""
        self.network.eval()
        groups = [batch for examples in (texts, sentences) if examples for batch in self.grouped(examples)]
        return float(np.mean([self.loss(batch).item() for batch in groups])) if groups else float("nan")


def save(network: MultiTaskBert, base: Base, spec: ModelSpec, output: Path) -> None:
    """Writes the model folder: weights in half precision, tokenizer, and config with the spec in it."""
    from safetensors.torch import save_file

    output.mkdir(parents=True, exist_ok=True)
    weights = {name: tensor.detach().half().contiguous() for name, tensor in network.state_dict().items()}
    save_file(weights, output / "model.safetensors", metadata={"format": "pt"})
    (output / "model.safetensors").chmod(0o644)  # safetensors makes it readable by its owner alone
    config = base.config.to_dict() | {"architectures": ["MultiTaskBert"], SECTION: spec.model_dump(mode="json")}
    (output / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    base.tokenizer.save(str(output / "tokenizer.json"))
