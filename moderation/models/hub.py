"""Models from the Hugging Face hub: downloaded once into its cache, and then used offline."""

import json
import re
from collections.abc import Callable
from pathlib import Path

from moderation.errors import UsageError
from moderation.models.importing import Parts, cached, read_parts
from moderation.models.pickled import PICKLED, PICKLED_INDEX, pickles
from moderation.models.tokenizers import PARTS, SETTINGS, WHOLE

TOKENIZER = [WHOLE, *PARTS, *SETTINGS]
COMMIT = re.compile("[0-9a-f]{40}")
SAFE = ["config.json", "model*.safetensors", "model.safetensors.index.json", *TOKENIZER]


def import_from_hub(name: str, revision: str | None) -> Path:
    """A hub model as a folder of ours, in the cache; the network is asked only for what was never downloaded, and a
    commit that was imported needs the hub's own cache no more.

    Raises `UsageError` where the model cannot be had or is none that can be loaded.
    """
    pinned = revision if revision and COMMIT.fullmatch(revision) else download(name, revision, SAFE, whole).name
    origin = {"source": name, "revision": pinned}
    return cached(json.dumps(origin), lambda: read_parts(safe_files(name, pinned), origin))


def safe_files(name: str, revision: str) -> Path:
    """The folder of a hub model with safetensors; one with pickled weights alone is an error that says what to do."""
    folder = download(name, revision, SAFE, whole)
    if not whole(folder):
        raise UsageError(
            f"model '{name}' has no safetensors on the hub; if its weights are pickled, 'moderation models import "
            f"{name}@{revision} --output DIR' reads them without running what they may hold"
        )
    return folder


def read_from_hub(name: str, revision: str | None) -> Parts:
    """A hub model, to be written elsewhere; its weights may be pickled."""
    folder = download(name, revision, SAFE, lambda found: whole(found) or pickled(found))
    if not whole(folder):
        folder = download(name, folder.name, [*SAFE, PICKLED, PICKLED_INDEX, "pytorch_model-*.bin"], pickled)
    return read_parts(folder, {"source": name, "revision": folder.name}, pickles=True)


def whole(folder: Path) -> bool:
    """Whether a download has a config and safetensors; what else it may lack is said by who reads it."""
    return (folder / "config.json").is_file() and any(folder.glob("model*.safetensors"))


def pickled(folder: Path) -> bool:
    """Whether a download has a config and pickled weights."""
    return (folder / "config.json").is_file() and bool(pickles(folder))


def download(name: str, revision: str | None, patterns: list[str], enough: Callable[[Path], bool]) -> Path:
    """The folder in the hub's cache of a model at a revision, by default the newest at the first download; it is named
    after the commit."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        found = Path(snapshot_download(name, revision=revision, allow_patterns=patterns, local_files_only=True))
        if enough(found):
            return found
    except LocalEntryNotFoundError:
        pass
    except ValueError as error:  # HFValidationError: no name that the hub could have
        raise UsageError(f"model '{name}' is no folder, and no hub id either ({one_line(error)})") from error
    return fetch(name, revision, patterns)


def fetch(name: str, revision: str | None, patterns: list[str]) -> Path:
    """Downloads a model; raises `UsageError` that says whether it is the network, the name or the revision."""
    from huggingface_hub import HfApi, constants, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError

    asked = f"model '{name}'" + (f" at revision '{revision}'" if revision else "")
    if constants.HF_HUB_OFFLINE:
        raise UsageError(
            f"{asked} is no folder here, is not in the hub's cache, and HF_HUB_OFFLINE forbids asking the hub: unset "
            "it once, or copy that cache (HF_HOME)"
        )
    try:
        HfApi().model_info(name, revision=revision)  # fails at once without a network; the download would try on
        return Path(snapshot_download(name, revision=revision, allow_patterns=patterns))
    except RevisionNotFoundError as error:
        raise UsageError(f"{asked}: the hub has no such revision") from error
    except RepositoryNotFoundError as error:
        raise UsageError(f"{asked} is no folder here, and on the hub it is not, or is not public") from error
    except HfHubHTTPError as error:
        raise UsageError(f"{asked}: the hub refuses it ({one_line(error)})") from error
    except Exception as error:  # what the hub's HTTP client raises without a network has changed with its versions
        raise UsageError(
            f"{asked} is no folder here, is not in the hub's cache, and the hub cannot be reached: download it once "
            "where there is a network, or copy that cache (HF_HOME)"
        ) from error


def one_line(error: Exception) -> str:
    """An error's message without line breaks."""
    return " ".join(str(error).split())
