"""Where a model comes from, by one line of config: always a folder of our layout in the end."""

import re
from pathlib import Path

from moderation import resources
from moderation.errors import UsageError
from moderation.models.spec import OURS, SECTION, read_config

DETOXIFY = "detoxify:"
HUB_ID = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*/[\w.-]+)(@(?P<revision>[\w./-]+))?")


def model_folder(source: str) -> Path:
    """The folder of `builtin`, of a model folder, or of what is imported into the cache: a folder in transformers'
    layout, a hub id (`name/model`, better `name/model@commit`), `detoxify:NAME` or a Detoxify checkpoint.

    Raises `UsageError` where it is none of them, not whole, or cannot be had.
    """
    if source == "builtin":
        return resources.builtin_model()
    if source.startswith(DETOXIFY):
        from moderation.models.detoxify import named_checkpoint

        return named_checkpoint(source.removeprefix(DETOXIFY))
    path = Path(source)
    if path.is_dir():
        return own_layout(path)
    if path.is_file() and path.suffix == ".ckpt":
        from moderation.models.detoxify import import_checkpoint

        return import_checkpoint(path)
    if found := HUB_ID.fullmatch(source):
        from moderation.models.hub import import_from_hub

        return import_from_hub(found["name"], found["revision"])
    raise UsageError(
        f"model '{source}' is neither 'builtin' nor a folder, a .ckpt file, 'detoxify:NAME' or a hub id 'NAME/MODEL'"
    )


def own_layout(folder: Path) -> Path:
    """The folder itself where it has our layout, else what it is imported to."""
    if not (folder / "config.json").is_file():
        raise UsageError(f"model folder {folder} lacks config.json")
    config = read_config(folder)
    if not config or SECTION in config or OURS in (config.get("architectures") or []):
        return folder
    from moderation.models.importing import import_folder

    return import_folder(folder)
