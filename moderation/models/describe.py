"""What there is to say of a model, for people and as JSON."""

import logging
from typing import Any

from moderation.cache import cache_folder
from moderation.errors import UsageError
from moderation.models.importing import ORIGIN
from moderation.models.load import FILES, ModelSource, find_model
from moderation.models.tokenizers import read_json


def brief(source: ModelSource) -> dict[str, Any]:
    """A row of the list: where from, what it finds, how large it is."""
    return {
        "model_id": source.model_id,
        "source": origin(source).get("source", str(source.folder)),
        "architecture": source.architecture,
        "labels": list(source.spec.labels),
        "entity_types": list(source.spec.entity_types),
        "bytes": sum((source.folder / name).stat().st_size for name in FILES),
        "folder": str(source.folder),
    }


def full(source: ModelSource) -> dict[str, Any]:
    """All that is known of a model without loading it."""
    return brief(source) | {
        "network_id": source.network_id,
        "origin": origin(source),
        "shape": source.shape.model_dump() | {"positions": source.shape.positions},
        "spec": source.spec.model_dump(mode="json"),
    }


def models() -> list[ModelSource]:
    """The built-in model, and what was imported into the cache; what is broken there is warned of and left out."""
    found = [find_model("builtin")]
    for folder in sorted((cache_folder() / "models").glob("[!.]*")):
        try:
            found.append(find_model(str(folder)))
        except UsageError as error:
            logging.getLogger(__name__).warning("left out, delete it: %s", error)
    return found


def origin(source: ModelSource) -> dict[str, Any]:
    """Where an imported model came from; nothing of one that was not imported."""
    path = source.folder / ORIGIN
    return read_json(path) if path.is_file() else {}
