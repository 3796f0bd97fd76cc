"""Models of other layouts, made into folders of ours: weights under their class's own names, one tokenizer, a spec."""

import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moderation.cache import cache_folder, turn
from moderation.errors import UsageError
from moderation.models.load import DIGEST_LENGTH
from moderation.models.spec import OURS, SECTION, ModelSpec
from moderation.models.tokenizers import tokenizer_files, write_json, write_tokenizer
from moderation.models.weights import WEIGHTS, fill, read_weights, weight_files
from moderation.text.digest import file_digest, text_digest

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PretrainedConfig

FORM = "1"  # of imported folders; a change of it makes those in the cache stale
ORIGIN = "origin.json"  # where an imported model came from; no part of the model


@dataclass(frozen=True)
class Parts:
    """A model to be written: its class and config, its weights, the folder with its tokenizer, and its spec.

    `origin` says where it came from, `where` is the file or folder to name in errors.
    """

    architecture: str
    config: "PretrainedConfig"
    weights: "dict[str, Tensor]"
    tokenizer: Path
    spec: ModelSpec
    origin: dict[str, Any]
    where: Path


def read_parts(folder: Path, origin: dict[str, Any], pickles: bool = False) -> Parts:
    """A folder in transformers' layout; raises `UsageError` that names what is missing or unknown. With `pickles` its
    weights may be pickled: they are read without running anything."""
    from moderation.models.derive import derive_spec
    from moderation.models.networks import architecture, encoder_config

    name = architecture(folder)
    if name == OURS:
        raise UsageError(f"model {folder} is a {OURS} already: there is nothing to import")
    tokenizer_files(folder)
    config = encoder_config(folder)
    spec = derive_spec(name, config, folder)
    return Parts(name, config, weights_of(folder, pickles), folder, spec, origin, folder)


def weights_of(folder: Path, pickles: bool) -> "dict[str, Tensor]":
    """A folder's weights; where they are pickled and may not be the error says what to do."""
    from moderation.models import pickled

    if (folder / weight_files(folder)[0]).is_file() or not pickled.pickles(folder):
        return read_weights(folder)
    if not pickles:
        raise UsageError(
            f"model {folder} lacks {WEIGHTS}: its weights are pickled, which can hold code; 'moderation models import "
            f"{folder} --output DIR' reads them without running any"
        )
    return pickled.pickled_weights(folder)


def write_parts(parts: Parts, made: Path) -> None:
    """Writes a model folder; raises `UsageError` where the weights do not fit or the tokenizer is none."""
    from safetensors.torch import save_file

    from moderation.models.networks import build

    network = build(parts.architecture, parts.config, parts.where)
    fill(network, parts.weights, parts.where)
    save_file({name: tensor.contiguous() for name, tensor in network.state_dict().items()}, made / WEIGHTS)
    (made / WEIGHTS).chmod(0o644)  # safetensors makes it readable by its owner alone
    write_tokenizer(parts.tokenizer, made, parts.config.vocab_size)
    config = parts.config.to_dict() | {"architectures": [parts.architecture]}
    config = {name: value for name, value in config.items() if name != "auto_map"}
    write_json(made / "config.json", config | {SECTION: parts.spec.model_dump(mode="json")})
    write_json(made / ORIGIN, parts.origin)


def cached(key: str, read: Callable[[], Parts]) -> Path:
    """The folder of an imported model in the cache, made on the first call for its key."""
    target = cache_folder() / "models" / text_digest(f"{FORM} {key}")[:DIGEST_LENGTH]
    try:
        if not (target / "config.json").is_file():
            with turn(target):
                if not (target / "config.json").is_file():
                    write_folder(target, read())
    except OSError as error:
        raise UsageError(
            f"there is no place for the imported model ({error}): set XDG_CACHE_HOME, or choose a place with "
            "'moderation models import SOURCE --output DIR'"
        ) from error
    return target


def write_folder(target: Path, parts: Parts) -> None:
    """Writes a model folder beside `target` and moves it there whole; `target` must not exist, or be empty."""
    target.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=".making-", dir=target.parent))
    try:
        write_parts(parts, made)
        made.chmod(0o755)
        made.rename(target)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def import_folder(folder: Path) -> Path:
    """A folder in transformers' layout as one of ours, in the cache, known by the digest of its files."""
    names = ["config.json", *weight_files(folder), *tokenizer_files(folder)]
    digests = {name: file_digest(folder / name) for name in names if (folder / name).is_file()}
    origin = {"source": str(folder.resolve()), "files": digests}
    return cached(json.dumps(digests, sort_keys=True), lambda: read_parts(folder, origin))
