"""Any source as a model folder of ours in a place of the user's: weights in safetensors, one tokenizer, a spec."""

from pathlib import Path
from typing import Any

from moderation.errors import UsageError
from moderation.models.importing import Parts, read_parts, write_folder
from moderation.models.load import ModelSource, find_model
from moderation.models.sources import DETOXIFY, HUB_ID
from moderation.models.spec import OURS, SECTION, read_config
from moderation.text.digest import file_digest


def import_model(source: str, output: Path, base: Path | None = None) -> ModelSource:
    """Writes a model folder from a Detoxify checkpoint, a folder in transformers' layout (its weights may be pickled),
    a hub id or `detoxify:NAME`; `base` has the config and tokenizer that a checkpoint lacks.

    Pickles are read without running anything. Raises `UsageError` where that cannot be, or where `output` is a folder
    with anything in it.
    """
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise UsageError(f"--output {output} exists and is not empty")
    write_folder(output, parts_of(source, base))
    return find_model(str(output))


def parts_of(source: str, base: Path | None) -> Parts:
    """What a source is made of."""
    from moderation.models.detoxify import published, read_checkpoint
    from moderation.models.hub import read_from_hub

    path = Path(source)
    if source.startswith(DETOXIFY):
        return read_checkpoint(published(source.removeprefix(DETOXIFY)), base)
    if path.is_file():
        return read_checkpoint(path, base)
    if base is not None:
        raise UsageError("--base is for a Detoxify checkpoint: all other sources have a config and a tokenizer")
    if path.is_dir():
        config = read_config(path)
        if SECTION in config or OURS in (config.get("architectures") or []):
            raise UsageError(f"model {path} is a model folder already: there is nothing to import")
        return read_parts(path, {"source": str(path.resolve())} | weights_digest(path), pickles=True)
    if found := HUB_ID.fullmatch(source):
        return read_from_hub(found["name"], found["revision"])
    raise UsageError(f"'{source}' is no folder, no checkpoint, and no hub id 'NAME/MODEL'")


def weights_digest(folder: Path) -> dict[str, Any]:
    """The digests of a folder's weight files."""
    files = sorted([*folder.glob("*.safetensors"), *folder.glob("pytorch_model*.bin")])
    return {"files": {file.name: file_digest(file) for file in files}}
