"""Detoxify's checkpoints: read without running what a pickle may hold, and written as folders of ours."""

import json
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field, ValidationError

from moderation.cache import cache_folder, turn
from moderation.errors import UsageError
from moderation.models.importing import Parts, cached, tokenizer_files
from moderation.models.pickled import read_pickle
from moderation.text.digest import file_digest

RELEASES = "https://github.com/unitaryai/detoxify/releases/download/"
# As in Detoxify 0.5.4; the last part of each file name is the beginning of its SHA-256, by torch.hub's custom.
CHECKPOINTS = {
    "original": "v0.1-alpha/toxic_original-c1212f89.ckpt",
    "unbiased": "v0.3-alpha/toxic_debiased-c7548aa0.ckpt",
    "multilingual": "v0.4-alpha/multilingual_debiased-0b549669.ckpt",
    "original-small": "v0.1.2/original-albert-0e1d6498.ckpt",
    "unbiased-small": "v0.1.2/unbiased-albert-c8519128.ckpt",
}
RENAMED = {"toxic": "toxicity", "identity_hate": "identity_attack", "severe_toxic": "severe_toxicity"}  # by Detoxify
MOVED = {  # hub ids of encoders that have got an owner since
    "bert-base-uncased": "google-bert/bert-base-uncased",
    "roberta-base": "FacebookAI/roberta-base",
    "xlm-roberta-base": "FacebookAI/xlm-roberta-base",
    "albert-base-v2": "albert/albert-base-v2",
}
ENCODER_FILES = ["config.json"]


class Arguments(BaseModel):
    """What a checkpoint says of its network: the encoder it began as, its class, and the number of its outputs."""

    model_type: str
    model_name: str
    num_classes: Annotated[int, Field(ge=1)]


class Checkpoint(BaseModel):
    """The parts of a checkpoint that are needed, by where they stand in it."""

    arguments: Arguments
    classes: Annotated[list[str], Field(min_length=1)]


def named_checkpoint(name: str) -> Path:
    """One of Detoxify's published models as a folder of ours, in the cache."""
    if name not in CHECKPOINTS:
        raise UsageError(f"model 'detoxify:{name}': Detoxify has {', '.join(CHECKPOINTS)}")
    return import_checkpoint(published(name))


def published(name: str) -> Path:
    """The file of a published checkpoint: where Detoxify itself keeps it, or downloaded once into our cache."""
    file = Path(CHECKPOINTS[name]).name
    own = cache_folder() / "detoxify" / file
    for folder in (torch_folder(), own.parent):
        if (folder / file).is_file():
            return checked(folder / file)
    with turn(own):
        if not own.is_file():
            fetch(RELEASES + CHECKPOINTS[name], own)
    return checked(own)


def torch_folder() -> Path:
    """Where torch.hub, and so Detoxify, keeps checkpoints."""
    import torch

    return Path(torch.hub.get_dir()) / "checkpoints"


def fetch(url: str, target: Path) -> None:
    """Downloads a file; it is there whole or not at all."""
    from huggingface_hub import constants
    from torch.hub import download_url_to_file

    if constants.HF_HUB_OFFLINE:
        raise UsageError(f"{target.name} is not in the cache, and HF_HUB_OFFLINE forbids to download it from {url}")
    try:
        download_url_to_file(url, str(target), progress=False)
    except (OSError, RuntimeError) as error:
        raise UsageError(
            f"{target.name} is not in the cache and cannot be downloaded ({error}): put {url} into {target.parent}"
        ) from error


def checked(file: Path) -> Path:
    """A published checkpoint, if its content is what its name says."""
    begins = file.stem.rpartition("-")[2]
    if not (found := file_digest(file)).startswith(begins):
        raise UsageError(f"{file} has the digest {found}, which should begin with {begins}: delete it and try again")
    return file


def import_checkpoint(file: Path) -> Path:
    """A checkpoint as a folder of ours, in the cache."""
    digest = file_digest(file)
    return cached(json.dumps({"checkpoint": digest}), lambda: read_checkpoint(file))


def read_checkpoint(file: Path, base: Path | None = None) -> Parts:
    """A checkpoint with the config and tokenizer of its encoder, which it lacks itself: those of the folder `base`,
    else of the checkpoint's own folder, else of the folder or hub id that it names.

    Raises `UsageError` where it holds more than weights and settings (none of it is run) or names an unknown class.
    """
    from moderation.models.derive import derive_spec
    from moderation.models.networks import encoder_config, known_classes

    content = read_pickle(file)
    said = described(content, file)
    arguments, name = said.arguments, said.arguments.model_name
    if name not in known_classes():
        raise UsageError(f"{file}: its network is a {name}, which is none that is known here")
    folder = base or beside(file) or encoder_folder(arguments.model_type, file)
    config = encoder_config(folder)
    names = [RENAMED.get(one, one) for one in said.classes]
    spare = [f"output_{number}" for number in range(len(names), arguments.num_classes)]
    config.id2label = dict(enumerate(names + spare))
    config.problem_type = "multi_label_classification"
    spec = derive_spec(name, config, file)
    kept = {"labels": names, "outputs": [*names, *[None for _ in spare]], "thresholds": dict.fromkeys(names, 0.5)}
    spec = type(spec).model_validate(spec.model_dump() | kept)
    origin = {"source": file.name, "checkpoint": file_digest(file), "encoder": arguments.model_type}
    return Parts(name, config, content["state_dict"], folder, spec, origin, file)


def described(content: Any, file: Path) -> Checkpoint:
    """What a checkpoint says of itself (layout of Detoxify 0.5.4)."""
    try:
        config = content["config"]
        found = Checkpoint(arguments=config["arch"]["args"], classes=config["dataset"]["args"]["classes"])
        tensors = dict(content["state_dict"])
    except (KeyError, TypeError, ValueError) as error:
        what = f"{error.errors()[0]['loc']}" if isinstance(error, ValidationError) else f"{error}"
        raise UsageError(f"{file} has not the layout of Detoxify's checkpoints: {what}") from error
    if len(found.classes) > found.arguments.num_classes or not all(isinstance(name, str) for name in tensors):
        raise UsageError(f"{file}: {len(found.classes)} classes, and {found.arguments.num_classes} outputs")
    return found


def beside(file: Path) -> Path | None:
    """The checkpoint's own folder, where it holds an encoder's config and tokenizer."""
    folder = file.parent
    if not (folder / "config.json").is_file():
        return None
    tokenizer_files(folder)
    return folder


def encoder_folder(name: str, file: Path) -> Path:
    """The folder of an encoder's config and tokenizer."""
    if Path(name).is_dir():
        return Path(name)
    from moderation.models.hub import TOKENIZER, download

    try:
        return download(MOVED.get(name, name), None, [*ENCODER_FILES, *TOKENIZER], has_tokenizer)
    except UsageError as error:
        raise UsageError(
            f"{file} wants the config and the tokenizer of {name}: {error}; or put both beside it"
        ) from error


def has_tokenizer(folder: Path) -> bool:
    """Whether a download has a config and a tokenizer."""
    try:
        return (folder / "config.json").is_file() and bool(tokenizer_files(folder))
    except UsageError:
        return False
