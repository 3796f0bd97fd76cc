"""Fine-tuning by a recipe: data and base in, a model folder out."""

import json
from pathlib import Path

import torch

from moderation.models.base import Base, load_base
from moderation.models.multitask import MultiTaskBert
from moderation.models.spec import SECTION, ModelSpec
from moderation.text.digest import file_digest, text_digest
from moderation.training import checkpoint
from moderation.training.data import Example, text_examples, text_sources, token_examples
from moderation.training.recipe import Recipe
from moderation.training.trainer import Report, Trainer
from moderation.training.vocabulary import widened


def finetune(recipe: Recipe, data: Path, output: Path, report: Report = print) -> None:
    """Trains a model by the recipe on the Parquet files below `data` and writes a model folder at `output`.

    Raises `UsageError` where data, a column or the base model is missing; nothing is written before the first minutes
    are over. A run that was killed goes on from its last checkpoint in `output` when it is started again.
    """
    text_sources(recipe)
    torch.manual_seed(recipe.seed)
    base = load_base(recipe.base)
    if recipe.symbols:
        base = widened(base)
    spec = ModelSpec(
        labels=tuple(recipe.labels),
        entity_types=tuple(recipe.entity_types),
        max_tokens=recipe.max_tokens,
        overlap=recipe.overlap,
        thresholds=dict.fromkeys(recipe.labels, 0.5),
    )
    train, dev = (examples(recipe, data, split, base, spec) for split in ("train", "dev"))
    report(f"training on {len(train[0]):,} texts and {len(train[1]):,} sentences, {recipe.epochs} epoch(s)")
    base.config.hidden_dropout_prob = base.config.attention_probs_dropout_prob = recipe.dropout
    network, device = base.network(spec), "cuda" if torch.cuda.is_available() else "cpu"
    network.dropout.p = recipe.head_dropout
    trainer = Trainer(network.to(device), recipe, base, device, report)
    run = run_digest(recipe, data)
    if trainer.restore(output, run):
        report(f"going on from step {trainer.step}")
    for epoch in range(trainer.place[0], recipe.epochs):
        trainer.epoch(epoch, *train, output, run)
        report(f"epoch {epoch + 1}/{recipe.epochs} done: dev loss {trainer.mean_loss(*dev):.4f}")
        save(network, base, spec, output)
    checkpoint.remove(output)


def examples(
    recipe: Recipe, data: Path, split: str, base: Base, spec: ModelSpec
) -> tuple[list[Example], list[Example]]:
    """The texts and the sentences of a split."""
    return (
        text_examples(recipe, data, split, base.tokenizer),
        token_examples(recipe, data, split, base.tokenizer, spec.tags),
    )


def run_digest(recipe: Recipe, data: Path) -> str:
    """What a training run is: its recipe and the content of its files."""
    files = sorted({source.file for source in (*recipe.texts, *recipe.tokens)})
    return text_digest(recipe.model_dump_json() + "".join(file_digest(data / file) for file in files))


def save(network: MultiTaskBert, base: Base, spec: ModelSpec, output: Path) -> None:
    """Writes the model folder: weights in half precision, tokenizer, and config with the spec in it."""
    from safetensors.torch import save_file

    output.mkdir(parents=True, exist_ok=True)
    weights = {name: tensor.detach().cpu().half().contiguous() for name, tensor in network.state_dict().items()}
    save_file(weights, output / "model.safetensors", metadata={"format": "pt"})
    (output / "model.safetensors").chmod(0o644)  # safetensors makes it readable by its owner alone
    config = base.config.to_dict() | {"architectures": ["MultiTaskBert"], SECTION: spec.model_dump(mode="json")}
    (output / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    base.tokenizer.save(str(output / "tokenizer.json"))
