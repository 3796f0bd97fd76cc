"""The trainings of a recipe: one, or several from the same start whose weights are averaged.

Wortsman et al., "Model soups: averaging weights of multiple fine-tuned models improves accuracy without increasing
inference time", 2022.
"""

from typing import Any

from moderation.models.base import Base
from moderation.models.multitask import MultiTask
from moderation.training.average import mean
from moderation.training.finetune import Examples, finetune, looked_at, make_trainer, spec_of
from moderation.training.interrupt import Interrupt
from moderation.training.judge import judge
from moderation.training.recipe import Recipe, described
from moderation.training.run import Run

Seen = list[dict[str, Any]]  # of each training the keys that are its own, and what was seen after each epoch


def train_all(
    recipe: Recipe, base: Base, train: Examples, dev: Examples, run: Run, interrupt: Interrupt
) -> tuple[MultiTask, Seen]:
    """The network that a recipe makes. A training that is done is not done again: its checkpoint says that it is."""
    trainings, kept, seen = recipe.trainings(), [], []
    for number, (training, keys) in enumerate(zip(trainings, recipe.mean_of or [{}], strict=True), 1):
        name = "training" if len(trainings) == 1 else f"training-{number}"
        if len(trainings) > 1:
            run.progress.part = f"training {number}/{len(trainings)} "
            run.progress.say(f"{run.progress.part}({described(keys)})")
        keeping = run.keeping(name, interrupt)
        network, epochs = finetune(training, base, train, dev, keeping, run.progress, run.device, recipe.seed)
        kept.append({name: tensor.cpu() for name, tensor in network.state_dict().items()})
        seen.append({"keys": keys, "epochs": epochs})
    if len(kept) > 1:
        network.load_state_dict({name: mean([weights[name] for weights in kept]) for name in kept[0]})
        trainer = make_trainer(recipe, base, network, spec_of(recipe), train[0], run.device)
        run.progress.say(f"the mean of the {len(kept)} trainings: {judge(trainer, *looked_at(recipe, dev))}")
    return network, seen
