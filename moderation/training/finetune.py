"""Fine-tuning by a recipe: data and base in, a model folder out."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from moderation.errors import UsageError
from moderation.inference.torch_backend import resolve_precision
from moderation.models.base import Base
from moderation.models.multitask import MultiTask
from moderation.models.spec import OURS, SECTION, ModelSpec
from moderation.training.average import Average
from moderation.training.best import Best
from moderation.training.data import IGNORED, Example, text_examples, text_sources, token_examples
from moderation.training.judge import drawn, judge
from moderation.training.loop import Keeping, Loop
from moderation.training.order import epoch_steps
from moderation.training.progress import Progress, duration
from moderation.training.recipe import Recipe
from moderation.training.teacher import load_teacher
from moderation.training.trainer import Trainer, label_weights, positive_weights

Examples = tuple[list[Example], list[Example]]  # texts, and sentences


def finetune(
    recipe: Recipe,
    base: Base,
    train: Examples,
    dev: Examples,
    keeping: Keeping,
    progress: Progress,
    device: str,
    heads: int,
) -> tuple[MultiTask, list[dict[str, Any]]]:
    """Trains the base under new heads; returns the network and what was seen after each epoch.

    The new heads follow from the seed `heads`, the order of the examples and the dropout from the recipe's alone; a run
    that was killed goes on from the checkpoint in `keeping.folder`, and ends with the weights that it would have had.
    """
    torch.manual_seed(heads)
    spec = spec_of(recipe)
    base.drop_out(recipe.dropout)
    network = base.network(spec)
    if recipe.seed != heads:
        torch.manual_seed(recipe.seed)
    network.dropout.p = recipe.head_dropout
    trainer = make_trainer(recipe, base, network.to(device), spec, train[0], device)
    head = [*network.label_head.parameters(), *network.tag_head.parameters()]
    loop = Loop(network, head, recipe, keeping, progress)
    restored = loop.restore()
    best, average = Best(keeping.folder, recipe.early_stopping, loop.extra), Average(keeping.folder, recipe.average)
    if restored:
        progress.say("done already" if loop.over or best.settled else f"going on from step {loop.step:,}")
    look_at = looked_at(recipe, dev)
    while not loop.over and not best.settled:
        loop.epoch(epoch_steps(recipe, *train, loop.place[0]), trainer.loss)
        found = judge(trainer, *look_at)
        better = best.note(network, loop.place[0], found)
        average.note(network, loop.place[0])
        ahead = "" if loop.over else f", left {duration(loop.left())}"
        progress.say(f"epoch {loop.place[0]}/{recipe.epochs}: {found}{' (the best so far)' if better else ''}{ahead}")
        loop.save()
    if best.settled and not loop.over:
        progress.say(f"no better for {best.stale} epochs: epoch {best.epoch} is kept")
    best.bring_back(network)
    average.bring_back(network, loop.place[0])
    return network, best.history


def looked_at(recipe: Recipe, dev: Examples) -> Examples:
    """The dev rows that a network is judged by while it is made."""
    return drawn(dev[0], recipe.dev_rows, recipe.seed), drawn(dev[1], recipe.dev_rows, recipe.seed)


def make_trainer(
    recipe: Recipe, base: Base, network: MultiTask, spec: ModelSpec, texts: list[Example], device: str
) -> Trainer:
    """The losses of a run: its precision, its weights of positives and of labels, its teacher."""
    positive, label = positive_weights(texts, recipe.imbalance), label_weights(recipe)
    return Trainer(
        network,
        recipe,
        base,
        device,
        resolve_precision(recipe.precision, device),
        None if positive is None else positive.to(device),
        None if label is None else label.to(device),
        load_teacher(recipe.teacher, spec, base, recipe.temperature, device) if recipe.teacher else None,
        spec.tags,
    )


def spec_of(recipe: Recipe) -> ModelSpec:
    """What the model folder will say of itself, before calibration."""
    if recipe.overlap >= recipe.max_tokens - 2:
        raise UsageError(f"recipe: overlap {recipe.overlap} leaves no room in a window of {recipe.max_tokens} tokens")
    return ModelSpec(
        labels=tuple(recipe.labels),
        entity_types=tuple(recipe.entity_types),
        max_tokens=recipe.max_tokens,
        overlap=recipe.overlap,
        case=recipe.case,
        thresholds=dict.fromkeys(recipe.labels, 0.5),
    )


def read_examples(recipe: Recipe, data: Path, base: Base) -> tuple[Examples, Examples]:
    """The examples of both splits, checked: the training split teaches every label both ways, and every type."""
    text_sources(recipe)
    if recipe.max_tokens > base.positions:
        raise UsageError(f"recipe: max_tokens {recipe.max_tokens} is more than the base's {base.positions} positions")
    train, dev = (examples(recipe, data, split, base, spec_of(recipe)) for split in ("train", "dev"))
    check_taught(recipe, train)
    if recipe.early_stopping and not any(dev):
        raise UsageError("early stopping needs dev rows: give a `split` column, a dev file or a dev share above 0")
    return train, dev


def examples(recipe: Recipe, data: Path, split: str, base: Base, spec: ModelSpec) -> Examples:
    """The texts and the sentences of a split."""
    return (
        text_examples(recipe, data, split, base.tokenizer),
        token_examples(recipe, data, split, base.tokenizer, spec.tags),
    )


def check_taught(recipe: Recipe, train: Examples) -> None:
    """Raises `UsageError` for a label or an entity type that the rows cannot teach and no teacher does."""
    if recipe.teacher:
        return
    targets = np.stack([row.labels for row in train[0] if row.labels is not None]) if train[0] else np.zeros((0, 0))
    for label, target in zip(recipe.labels, targets.T, strict=bool(len(targets))):
        for value, what in ((1, "positive"), (0, "negative")):
            if not (target == value).any():
                judged = int((~np.isnan(target)).sum())
                raise UsageError(f"label '{label}' has no {what} in the training rows ({judged:,} of which judge it)")
    tags = {int(tag) for row in train[1] if row.tags is not None for tag in np.unique(row.tags)}
    known = {spec_of(recipe).tags[tag] for tag in tags - {IGNORED}}
    for name in recipe.entity_types:
        if not {f"B-{name}", f"I-{name}"} & known:
            raise UsageError(f"entity type '{name}' has no span in the training rows")


def save(network: MultiTask, base: Base, spec: ModelSpec, output: Path) -> None:
    """Writes the model folder: weights in half precision, tokenizer, and config with the spec in it."""
    from safetensors.torch import save_file

    output.mkdir(parents=True, exist_ok=True)
    weights = {name: tensor.detach().cpu().half().contiguous() for name, tensor in network.state_dict().items()}
    save_file(weights, output / "model.safetensors", metadata={"format": "pt"})
    (output / "model.safetensors").chmod(0o644)  # safetensors makes it readable by its owner alone
    config = base.config.to_dict() | {"architectures": [OURS], SECTION: spec.model_dump(mode="json")}
    (output / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    base.tokenizer.save(str(output / "tokenizer.json"))
