"""A run of training: what it is, where it works, who watches."""

import platform
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from moderation.errors import UsageError
from moderation.models.base import load_base
from moderation.models.load import FILES, find_model
from moderation.text.digest import file_digest, folder_digest, text_digest
from moderation.training.interrupt import Interrupt
from moderation.training.loop import Keeping
from moderation.training.options import Options
from moderation.training.progress import Progress, Report, shown
from moderation.training.recipe import Adaptation, Recipe
from moderation.training.workplace import Workplace, working


@dataclass(frozen=True)
class Run:
    """A run under way: its folder, how it is done, and who watches."""

    place: Workplace
    options: Options
    device: str
    progress: Progress

    def keeping(self, name: str, interrupt: Interrupt) -> Keeping:
        """Where a part of the run keeps its checkpoints."""
        return Keeping(self.place.folder / name, self.options.checkpoint_seconds, interrupt)


@contextmanager
def running(output: Path, digest: str, options: Options, report: Report | None) -> Iterator[Run | None]:
    """A run in its workplace; None where the output is this very run's already."""
    device = options.place()
    with working(output, digest, options.overwrite) as place, watched(report) as progress:
        if place.finished() and not options.overwrite:
            progress.say(f"{place.output}: finished already, by the same run; --overwrite makes it anew")
            yield None
        else:
            yield Run(place, options, device, progress)


@contextmanager
def watched(report: Report | None) -> Iterator[Progress]:
    """Lines to `report`, or progress on standard error."""
    if report is not None:
        yield Progress(report)
        return
    with shown() as progress:
        yield progress


def model_digest(recipe: Recipe, data: Path) -> str:
    """What a training run is: its recipe, and the content of its files, its base and its teacher."""
    teacher = find_model(recipe.teacher).network_id if recipe.teacher else ""
    return text_digest(
        recipe.model_dump_json() + base_digest(recipe.base) + teacher + data_digest(recipe.files(), data)
    )


def adaptation_digest(plan: Adaptation, base: str) -> str:
    """What an adaptation is: its settings, and the content of its file and its base."""
    return text_digest(plan.model_dump_json() + base_digest(base) + data_digest([plan.file], Path()))


def base_digest(name: str) -> str:
    """The content of a base."""
    return folder_digest(load_base(name).folder, FILES)


def data_digest(files: list[str], data: Path) -> str:
    """The content of data files; raises `UsageError` for one that is not there."""
    for file in files:
        if not (data / file).is_file():
            raise UsageError(f"training data {data / file}: no such file (name its folder with --data)")
    return "".join(file_digest(data / file) for file in files)


def versions() -> dict[str, str]:
    """What the weights may depend on besides the recipe."""
    import torch
    import transformers

    return {"python": platform.python_version(), "torch": torch.__version__, "transformers": transformers.__version__}
